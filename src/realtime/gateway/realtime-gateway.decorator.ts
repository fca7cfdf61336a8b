import { SetMetadata } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { Connection } from '../connection/connection.js';
import { RealtimeConfigError } from '../realtime.errors.js';
import { GatewayServer } from './gateway-server.js';
import { markHandlerErrors } from './handler-errors.js';
import { CONCURRENT, REALTIME_GATEWAY } from './metadata.js';
import type { GatewayDefinition, RealtimeGatewayOptions } from './metadata.js';
import { RealtimeExceptionFilter } from './realtime-exception.filter.js';

/** Where Nest keeps a class's exception filters. */
const EXCEPTION_FILTERS = '__exceptionFilters__';

/** Nest's hooks for connections. */
export const LIFECYCLE_HOOKS = ['handleConnection', 'handleDisconnect'] as const;

/** Where Nest keeps what `@SubscribeMessage` says. */
const MESSAGE = 'message';

/**
 * Makes a class a gateway with rooms, path parameters and guards at the handshake. It needs `RealtimeModule` and
 * `app.useWebSocketAdapter(new RealtimeWsAdapter(app))`; without them the application refuses to start.
 *
 * @param path As in Nest's router: `/ws/chat{/:room}`. HTTP prefix and versioning do not apply.
 */
export function RealtimeGateway(path: string, options: RealtimeGatewayOptions = {}): ClassDecorator {
  return (target) => {
    const metatype = target as unknown as GatewayDefinition['metatype'];
    const definition: GatewayDefinition = { ...options, path, metatype };
    Reflect.defineMetadata(REALTIME_GATEWAY, definition, target);
    // Ours comes first in the list: Nest asks the last one first, so it gets what no filter of the application took.
    const filters = (Reflect.getOwnMetadata(EXCEPTION_FILTERS, target) ?? []) as unknown[];
    Reflect.defineMetadata(EXCEPTION_FILTERS, [RealtimeExceptionFilter, ...filters], target);
    markHandlerErrors(metatype.prototype as object, (method) => Reflect.hasMetadata(MESSAGE, method));
    refuseOtherAdapters(metatype);
    for (const hook of LIFECYCLE_HOOKS) guardLifecycleHook(metatype.prototype as object, hook);
    WebSocketGateway(options.port ?? 0, { path, [REALTIME_GATEWAY]: definition } as object)(target);
  };
}

/**
 * Lets a handler run beside others of the same connection and room: its frames may be stored in another order than they
 * were sent in (OR3).
 */
export function Concurrent(): MethodDecorator {
  return SetMetadata(CONCURRENT, true);
}

/**
 * Another adapter would serve the gateway without its guards, and nothing of ours need be there to notice. Nest calls
 * `afterInit` first, where an exception would be nobody's, then `onModuleInit`, where it stops the start.
 */
function refuseOtherAdapters(metatype: GatewayDefinition['metatype']): void {
  const prototype = metatype.prototype as Record<string, ((...args: unknown[]) => unknown) | undefined>;
  const { afterInit, onModuleInit } = prototype;
  const served = new WeakSet<object>();
  define(prototype, 'afterInit', function (this: object, server: unknown): unknown {
    if (server instanceof GatewayServer) return afterInit?.call(this, server);
    served.add(this);
    return undefined;
  });
  define(prototype, 'onModuleInit', function (this: object): unknown {
    if (!served.has(this)) return onModuleInit?.call(this);
    throw new RealtimeConfigError(
      `${metatype.name} is a @RealtimeGateway, but another adapter would serve it, without its guards: import RealtimeModule.forRoot() and call app.useWebSocketAdapter(new RealtimeWsAdapter(app)) before app.listen()`,
    );
  });
}

function define(prototype: object, name: string, value: unknown): void {
  Object.defineProperty(prototype, name, { configurable: true, writable: true, value });
}

/**
 * Nest calls these hooks without listening to what becomes of them: a throw would end the process.
 *
 * @param owner What has the hook as a property of its own: a prototype, or an instance.
 */
export function guardLifecycleHook(owner: object, name: string): void {
  const prototype = owner as Record<string, unknown>;
  const hook = prototype[name];
  if (typeof hook !== 'function') return;
  define(prototype, name, async function (this: unknown, ...args: unknown[]): Promise<void> {
    try {
      await (hook as (...all: unknown[]) => unknown).apply(this, args);
    } catch (error) {
      const [connection] = args;
      if (!(connection instanceof Connection)) throw error;
      connection.failed(name, error);
    }
  });
}
