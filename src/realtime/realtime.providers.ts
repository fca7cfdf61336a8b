import type { Provider } from '@nestjs/common';
import { DiscoveryService, ExternalContextCreator, ModuleRef } from '@nestjs/core';
import { RealtimeConfigError } from './realtime.errors.js';
import { JwtHandshakeGuard } from './auth/jwt-handshake.guard.js';
import { JwtVerifier } from './auth/jwt-verifier.service.js';
import { ClaimRoomPolicy } from './auth/claim-room-policy.js';
import { AuthenticatedRoomPolicy, RoomPolicy } from './auth/room-policy.js';
import { GatewayBinder } from './gateway/gateway-binder.service.js';
import { RealtimeDrain } from './drain/realtime-drain.js';
import { RealtimeHealth } from './health/realtime-health.service.js';
import { RealtimeLog } from './logging/realtime-log.service.js';
import { RealtimeEvents } from './realtime.events.js';
import type { AuthOptions, ResolvedOptions } from './realtime.options.js';
import { Realtime } from './realtime.service.js';
import { buildRealtime } from './realtime.parts.js';
import type { RealtimeParts } from './realtime.parts.js';
import { REALTIME_OPTIONS, REALTIME_PARTS } from './realtime.tokens.js';
import { RoomRegistry } from './rooms/room-registry.js';

/** What Nest's injector knows of it. */
export const realtimeProviders: Provider[] = [
  RealtimeEvents,
  RealtimeLog,
  {
    provide: REALTIME_PARTS,
    inject: [REALTIME_OPTIONS, RealtimeEvents, ModuleRef, DiscoveryService],
    useFactory: (options: ResolvedOptions, events: RealtimeEvents, moduleRef: ModuleRef, discovery: DiscoveryService) =>
      buildRealtime(options, events, policyFinder(discovery, moduleRef, options)),
  },
  { provide: Realtime, inject: [REALTIME_PARTS], useFactory: (parts: RealtimeParts) => parts.realtime },
  { provide: RoomRegistry, inject: [REALTIME_PARTS], useFactory: (parts: RealtimeParts) => parts.registry },
  { provide: JwtVerifier, inject: [REALTIME_PARTS], useFactory: (parts: RealtimeParts) => parts.verifier ?? null },
  { provide: RealtimeDrain, inject: [REALTIME_PARTS], useFactory: (parts: RealtimeParts) => parts.drain },
  {
    provide: RealtimeHealth,
    inject: [REALTIME_PARTS],
    useFactory: (parts: RealtimeParts) => new RealtimeHealth(parts.backend.broker, parts.registry, parts.drain),
  },
  {
    provide: GatewayBinder,
    inject: [DiscoveryService, ExternalContextCreator, REALTIME_OPTIONS],
    useFactory: (discovery: DiscoveryService, external: ExternalContextCreator, options: ResolvedOptions) =>
      new GatewayBinder(discovery, external, options),
  },
  JwtHandshakeGuard,
];

/** What an application may inject. */
export const realtimeExports = [
  Realtime,
  RoomRegistry,
  RealtimeEvents,
  RealtimeHealth,
  RealtimeDrain,
  JwtHandshakeGuard,
  JwtVerifier,
  REALTIME_OPTIONS,
  REALTIME_PARTS,
];

/** The application's policy, from whichever module provides it, else that of the options; looked for once. */
function policyFinder(discovery: DiscoveryService, moduleRef: ModuleRef, { auth }: ResolvedOptions): () => RoomPolicy {
  let found: RoomPolicy | undefined;
  return () => {
    found ??= provided(discovery, moduleRef, auth) ?? policyOf(auth);
    return found;
  };
}

function policyOf({ roomsClaim, allowAnonymous }: AuthOptions): RoomPolicy {
  if (roomsClaim !== undefined) return new ClaimRoomPolicy({ claim: roomsClaim });
  return new AuthenticatedRoomPolicy(allowAnonymous ?? false);
}

/** @throws RealtimeConfigError bad_config — there is one that can't be asked, or that `roomsClaim` contradicts. */
function provided(discovery: DiscoveryService, moduleRef: ModuleRef, auth: AuthOptions): RoomPolicy | undefined {
  if (!discovery.getProviders().some(({ token }) => token === RoomPolicy)) return undefined;
  if (auth.roomsClaim !== undefined) {
    throw new RealtimeConfigError(
      'auth.roomsClaim: expected no RoomPolicy beside it, got one: take one of the two out, or ask a ClaimRoomPolicy in yours',
    );
  }
  try {
    return moduleRef.get(RoomPolicy, { strict: false });
  } catch (cause) {
    // Not overlooked: what would hold instead lets everyone into every room.
    throw new RealtimeConfigError(
      'RoomPolicy: expected a provider of the default scope, got one made for each request',
      {
        cause,
      },
    );
  }
}
