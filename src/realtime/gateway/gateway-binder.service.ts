import type { IncomingMessage } from 'node:http';
import { Injectable, Scope } from '@nestjs/common';
import type { CanActivate, Type } from '@nestjs/common';
import { DiscoveryService, ExternalContextCreator, MetadataScanner, ModuleRef } from '@nestjs/core';
import { reservedTypes } from '../../protocol/names.js';
import { endOfTurn, FlushWindow } from '../connection/flush-schedule.js';
import type { FlushSchedule } from '../connection/flush-schedule.js';
import { RealtimeConfigError } from '../realtime.errors.js';
import { isNamespace } from '../rooms/address.js';
import type { ResolvedOptions } from '../realtime.options.js';
import type { RoomHooks } from '../rooms/room-hooks.js';
import type { GatewayBinding, HandshakeCheck } from './gateway-binding.js';
import { runGuards } from './handshake-context.js';
import { CONCURRENT, HANDSHAKE_GUARDS, REALTIME_GATEWAY } from './metadata.js';
import type { GatewayDefinition } from './metadata.js';
import { PathPattern } from './path-pattern.js';
import { guardLifecycleHook, LIFECYCLE_HOOKS } from './realtime-gateway.decorator.js';

/** Where Nest keeps what `@SubscribeMessage` says, and the guards of a class. */
const MESSAGE = 'message';
const GUARDS = '__guards__';
const GATEWAY_OPTIONS = 'websockets:gateway_options';
const SCOPE_OPTIONS = 'scope:options';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** Makes bindings out of definitions, and refuses what would leak between tenants or fail open. */
@Injectable()
export class GatewayBinder {
  private readonly bound: GatewayBinding[] = [];
  private readonly scanner = new MetadataScanner();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly externalContext: ExternalContextCreator,
    private readonly options: Pick<ResolvedOptions, 'handshake' | 'latestNamespaces'>,
  ) {}

  /**
   * Decides everything about a gateway.
   *
   * @throws RealtimeConfigError bad_config — the application must not start with it.
   */
  bind(definition: GatewayDefinition, port: number): GatewayBinding {
    const { metatype } = definition;
    const name = metatype.name;
    const wrapper = this.wrapperOf(metatype);
    const pattern = new PathPattern(definition.path, name);
    this.checkParams(definition, pattern);
    const namespace = this.namespaceOf(definition, pattern);
    this.checkKind(definition, namespace);
    const binding: GatewayBinding = {
      definition,
      name,
      namespace,
      codec: definition.codec ?? 'json',
      pattern,
      port,
      hooks: hooksOf(wrapper, name),
      check: this.checkOf(metatype, wrapper),
      schedule: scheduleOf(definition),
      concurrent: this.inspectHandlers(metatype),
      connect: undefined,
      handlerPlaces: undefined,
    };
    for (const other of this.bound) refuseConflict(binding, other);
    this.bound.push(binding);
    return binding;
  }

  unbind(binding: GatewayBinding): void {
    const at = this.bound.indexOf(binding);
    if (at >= 0) this.bound.splice(at, 1);
  }

  /**
   * Makes sure that every gateway with our decorator is served by our adapter.
   *
   * @throws RealtimeConfigError bad_config — one would be served without its guards.
   */
  checkAllBound(): void {
    for (const { metatype } of this.discovery.getProviders()) {
      if (typeof metatype !== 'function') continue;
      if (!Reflect.hasOwnMetadata(REALTIME_GATEWAY, metatype)) {
        refuseIdleGuards(metatype);
        continue;
      }
      const binding = this.bound.find(({ definition }) => definition.metatype === metatype);
      if (binding?.connect) continue;
      const { name } = metatype;
      const { path } = Reflect.getOwnMetadata(REALTIME_GATEWAY, metatype) as GatewayDefinition;
      throw new RealtimeConfigError(
        this.bound.length === 0
          ? `${name} is a @RealtimeGateway, but its adapter is missing: call app.useWebSocketAdapter(new RealtimeWsAdapter(app)) before app.listen()`
          : `${name}: another gateway has its path ${path} already: give each a path of its own`,
      );
    }
  }

  private wrapperOf(metatype: GatewayDefinition['metatype']): Wrapper {
    const wrapper = this.discovery.getProviders().find((candidate) => candidate.metatype === metatype);
    if (wrapper) return wrapper;
    throw new RealtimeConfigError(`${metatype.name} is no provider of any module: add it to "providers"`);
  }

  private checkParams(definition: GatewayDefinition, pattern: PathPattern): void {
    const { metatype, room, codec, userRoom, roomKind } = definition;
    const other = pattern.params.find((param) => param !== 'room');
    if (other !== undefined && !room) {
      throw new RealtimeConfigError(
        `${metatype.name}: the path ${pattern.path} has the parameter "${other}", so say which room is meant: room: (params, identity) => string; else connections that differ in "${other}" would share rooms`,
      );
    }
    if (userRoom && codec === 'text') {
      throw new RealtimeConfigError(`${metatype.name}: userRoom needs codec 'json'`);
    }
    if (roomKind === 'latest' && codec === 'text') {
      throw new RealtimeConfigError(`${metatype.name}: roomKind 'latest' needs codec 'json'`);
    }
  }

  private namespaceOf({ metatype, namespace }: GatewayDefinition, pattern: PathPattern): string {
    const found = namespace ?? pattern.namespace();
    if (isNamespace(found)) return found;
    throw new RealtimeConfigError(
      `${metatype.name}: expected a namespace of A-Z a-z 0-9 _ . ~ -, got ${JSON.stringify(found)}: give it as the option "namespace"`,
    );
  }

  private checkKind({ metatype, roomKind }: GatewayDefinition, namespace: string): void {
    if (roomKind === 'latest' || !this.options.latestNamespaces.includes(namespace)) return;
    throw new RealtimeConfigError(
      `${metatype.name}: "latestNamespaces" names its namespace, "${namespace}", so say roomKind: 'latest' here, or take the name out`,
    );
  }

  private inspectHandlers(metatype: GatewayDefinition['metatype']): Set<string> {
    const prototype = metatype.prototype as Record<string, unknown>;
    const concurrent = new Set<string>();
    for (const method of this.scanner.getAllMethodNames(prototype)) {
      const handler = prototype[method];
      if (typeof handler !== 'function') continue;
      const type: unknown = Reflect.getMetadata(MESSAGE, handler);
      if (typeof type !== 'string') continue;
      if (reservedTypes.has(type)) {
        throw new RealtimeConfigError(
          `${metatype.name}.${method}: the type "${type}" belongs to the protocol (CL1): give the handler another name`,
        );
      }
      if (Reflect.getMetadata(CONCURRENT, handler) === true) concurrent.add(type);
    }
    return concurrent;
  }

  /** Guards are made at the first handshake: when gateways are bound, not every provider exists yet. */
  private checkOf(metatype: GatewayDefinition['metatype'], wrapper: Wrapper): HandshakeCheck {
    const type = metatype as unknown as Type;
    const declared = (Reflect.getMetadata(HANDSHAKE_GUARDS, type) ?? []) as (Type<CanActivate> | CanActivate)[];
    for (const guard of declared) this.refuseScoped(guard, metatype.name);
    const globals = this.options.handshake.globalGuards ? this.globalCheck(type) : undefined;
    let made: Promise<CanActivate[]> | undefined;
    return async (request, response) => {
      if (globals && !(await globals(request, response))) return false;
      made ??= Promise.all(declared.map((guard) => makeGuard(guard, wrapper))).catch((error: unknown) => {
        made = undefined; // The next handshake tries again.
        throw error;
      });
      return runGuards(await made, type, request as IncomingMessage, response);
    };
  }

  /** A guard is made once: one that is made for a request, or needs something that is, would mix up its requests. */
  private refuseScoped(guard: Type<CanActivate> | CanActivate, gateway: string): void {
    if (typeof guard !== 'function') return;
    const own = (Reflect.getMetadata(SCOPE_OPTIONS, guard) as { scope?: Scope } | undefined)?.scope;
    const needs = new Set<unknown>([
      ...((Reflect.getMetadata('design:paramtypes', guard) ?? []) as unknown[]),
      ...((Reflect.getMetadata('self:paramtypes', guard) ?? []) as { param: unknown }[]).map(({ param }) => param),
    ]);
    const scoped = this.discovery.getProviders().some((provider) => {
      return needs.has(provider.token) && !provider.isDependencyTreeStatic();
    });
    if (own !== Scope.REQUEST && !scoped) return;
    throw new RealtimeConfigError(
      `${gateway}: the handshake guard ${guard.name} is request-scoped, or needs something that is: give it default scope and take what it needs from the request`,
    );
  }

  /**
   * The guards of the whole application, as Nest runs them for a route. They see a class that has the gateway's metadata
   * (`@Public()`), without the guards that the gateway has for its frames.
   */
  private globalCheck(metatype: Type): HandshakeCheck {
    class Entry extends metatype {
      static override get name(): string {
        return metatype.name;
      }
    }
    Reflect.defineMetadata(GUARDS, [], Entry);
    const entry = Object.create(Entry.prototype) as { constructor: Type };
    const handshake = (): boolean => true;
    const run = this.externalContext.create(
      entry,
      handshake,
      'handshake',
      undefined,
      undefined,
      undefined,
      undefined,
      { guards: true, interceptors: false, filters: false },
      'http',
    ) as (...args: unknown[]) => Promise<unknown>;
    return async (request, response) => (await run(request, response)) === true;
  }
}

/** Nest's own decorator knows nothing of handshake guards: they would be ignored without a word. */
function refuseIdleGuards(metatype: { readonly name: string }): void {
  const options = Reflect.getMetadata(GATEWAY_OPTIONS, metatype) as object | undefined;
  if (!options || REALTIME_GATEWAY in options || !Reflect.hasMetadata(HANDSHAKE_GUARDS, metatype)) return;
  throw new RealtimeConfigError(
    `${metatype.name} has @HandshakeGuards, but is a plain @WebSocketGateway, where none runs: make it a @RealtimeGateway`,
  );
}

async function makeGuard(guard: Type<CanActivate> | CanActivate, wrapper: Wrapper): Promise<CanActivate> {
  if (typeof guard !== 'function') return guard;
  const moduleRef = wrapper.host?.getProviderByKey<ModuleRef>(ModuleRef).instance;
  if (!moduleRef) throw new RealtimeConfigError(`${guard.name}: its gateway is in no module`);
  try {
    return moduleRef.get(guard, { strict: true }) as CanActivate;
  } catch {
    return moduleRef.create(guard); // The module does not provide it itself, which is the usual case.
  }
}

/** Longer would be no gathering but a slow-down. */
const MAX_COALESCE_MS = 1_000;

function scheduleOf({ metatype, coalesceMs = 0 }: GatewayDefinition): FlushSchedule {
  if (!(coalesceMs >= 0 && coalesceMs <= MAX_COALESCE_MS)) {
    throw new RealtimeConfigError(
      `${metatype.name}: expected a coalesceMs of 0 to ${MAX_COALESCE_MS}, got ${String(coalesceMs)}`,
    );
  }
  return coalesceMs === 0 ? endOfTurn : new FlushWindow(coalesceMs);
}

function hooksOf(wrapper: Wrapper, name: string): RoomHooks {
  const instance = (wrapper.instance ?? {}) as RoomHooks;
  // Arrow functions are properties of the instance: the decorator could not see them.
  for (const hook of LIFECYCLE_HOOKS) if (Object.hasOwn(instance, hook)) guardLifecycleHook(instance, hook);
  const hooks: RoomHooks = {};
  if (instance.onJoin) hooks.onJoin = instance.onJoin.bind(instance);
  if (instance.onLeave) hooks.onLeave = instance.onLeave.bind(instance);
  if (instance.onRoomOpen) hooks.onRoomOpen = instance.onRoomOpen.bind(instance);
  if (instance.onRoomClose) hooks.onRoomClose = instance.onRoomClose.bind(instance);
  if (!wrapper.isDependencyTreeStatic() && Object.keys(hooks).length > 0) {
    throw new RealtimeConfigError(
      `${name} is request-scoped, but has ${Object.keys(hooks).join(', ')}: hooks belong to no request; move them to a gateway of default scope`,
    );
  }
  return hooks;
}

function refuseConflict(one: GatewayBinding, other: GatewayBinding): void {
  if (one.namespace === other.namespace) {
    throw new RealtimeConfigError(
      `${one.name} and ${other.name} have one namespace, "${one.namespace}", so their rooms would be the same: give one of them another by the option "namespace"`,
    );
  }
  const tie = one.port === other.port ? one.pattern.tieWith(other.pattern) : undefined;
  if (tie !== undefined) {
    throw new RealtimeConfigError(
      `${one.name} (${one.pattern.path}) and ${other.name} (${other.pattern.path}) both match ${tie}: give one of them another path`,
    );
  }
}
