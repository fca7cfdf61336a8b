import { SetMetadata } from '@nestjs/common';
import { WebSocketGateway } from '@nestjs/websockets';
import { Connection } from '../connection/connection.js';
import { CONCURRENT, REALTIME_GATEWAY } from './metadata.js';
import type { GatewayDefinition, RealtimeGatewayOptions } from './metadata.js';
import { RealtimeExceptionFilter } from './realtime-exception.filter.js';

/** Where Nest keeps a class's exception filters. */
const EXCEPTION_FILTERS = '__exceptionFilters__';

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
    guardLifecycleHook(metatype, 'handleConnection');
    guardLifecycleHook(metatype, 'handleDisconnect');
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

/** Nest calls these hooks without listening to what becomes of them: a throw would end the process. */
function guardLifecycleHook(metatype: GatewayDefinition['metatype'], name: string): void {
  const prototype = metatype.prototype as Record<string, unknown>;
  const hook = prototype[name];
  if (typeof hook !== 'function') return;
  Object.defineProperty(prototype, name, {
    configurable: true,
    writable: true,
    value: async function (this: unknown, ...args: unknown[]): Promise<void> {
      try {
        await (hook as (...all: unknown[]) => unknown).apply(this, args);
      } catch (error) {
        const [connection] = args;
        if (!(connection instanceof Connection)) throw error;
        connection.failed(name, error);
      }
    },
  });
}
