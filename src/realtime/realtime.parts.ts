import { FrameError, RealtimeConfigError } from './realtime.errors.js';
import { JwtVerifier } from './auth/jwt-verifier.service.js';
import { identityOf } from './auth/identity.js';
import type { Identity } from './auth/identity.js';
import type { RoomPolicy } from './auth/room-policy.js';
import { SystemClock } from './clock.js';
import type { Clock } from './clock.js';
import { BufferBudget } from './connection/buffer-budget.js';
import { ConnectionRegistry } from './connection/connection-registry.js';
import { directWrites } from './connection/direct-writes.js';
import { loadDirectWriter } from './connection/direct-writer.js';
import type { DirectWriterFound } from './connection/direct-writer.js';
import { Heartbeat } from './connection/heartbeat.js';
import { FrameDispatcher } from './gateway/frame-dispatcher.js';
import { GatewayRuntime } from './gateway/gateway-runtime.js';
import { Handshake } from './gateway/handshake.js';
import { ProtocolFrames } from './gateway/protocol-frames.js';
import { TextDispatcher } from './gateway/text-dispatcher.js';
import { RealtimeDrain } from './drain/realtime-drain.js';
import { Announcer } from './presence/announcer.js';
import { PresenceTracker } from './presence/presence-tracker.js';
import { createBackend } from './backend.providers.js';
import type { Backend } from './backend.providers.js';
import type { RealtimeEvents } from './realtime.events.js';
import type { ResolvedOptions } from './realtime.options.js';
import { Realtime } from './realtime.service.js';
import { SharedHistory } from './recovery/shared-history.js';
import { USER_NAMESPACE } from './rooms/address.js';
import { Publisher } from './rooms/publisher.js';
import { RemoteControl } from './rooms/remote-control.js';
import { Room } from './rooms/room.js';
import type { RoomParts } from './rooms/room.js';
import { replayChunk } from './rooms/replay.js';
import type { RoomKind } from './rooms/room-kind.js';
import { RoomJoiner } from './rooms/room-joiner.js';
import { RoomRegistry } from './rooms/room-registry.js';
import { Traffic } from './traffic.js';

/** Everything that the module is made of. */
export interface RealtimeParts {
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  readonly backend: Backend;
  readonly connections: ConnectionRegistry;
  readonly direct: DirectWriterFound;
  readonly tracker: PresenceTracker;
  readonly registry: RoomRegistry;
  readonly realtime: Realtime;
  readonly verifier: JwtVerifier | undefined;
  /** @throws RealtimeConfigError bad_config — the application provides one that can't be used. */
  readonly policy: () => RoomPolicy;
  readonly runtime: GatewayRuntime;
  readonly heartbeat: Heartbeat;
  readonly drain: RealtimeDrain;
  readonly traffic: Traffic;
}

/** Who is built from what: the whole of it, in the order in which it is built. */
export async function buildRealtime(
  options: ResolvedOptions,
  events: RealtimeEvents,
  policy: () => RoomPolicy,
): Promise<RealtimeParts> {
  const clock = options.clock ?? new SystemClock();
  const backend = await createBackend(options, clock, events);
  const { broker, presence, bans, seats } = backend;
  const connections = new ConnectionRegistry();
  const direct = options.nativeWrites === 'off' ? { why: 'nativeWrites is off' } : loadDirectWriter();
  if ('writer' in direct) directWrites.use(direct.writer);
  const traffic = new Traffic();
  const countMembers = (address: string): Promise<number> => presence.count(address);
  const kindOf = (namespace: string): RoomKind => runtime.kindOf(namespace);
  const publisher = new Publisher(broker, clock, kindOf, traffic.publishes);
  const announcer = new Announcer({
    broker,
    clock,
    events,
    announceUpTo: options.announceUpTo,
    isPlain: (namespace) => kindOf(namespace) === 'nothing',
  });
  const tracker = new PresenceTracker({
    presence,
    clock,
    events,
    leaveGraceMs: options.leaveGraceMs,
    announce: (event, address, user, members) => announcer.announce(event, address, user, members),
  });
  const control = new RemoteControl({ broker, bans, connections, events });
  const rooms: RoomParts = {
    publisher,
    broker,
    presence,
    kindOf,
    kick: (at, userId, forMs) => control.kick(at, userId, forMs),
    unban: (at, userId) => control.unban(at.address, userId),
  };
  const chunk = replayChunk(options.maxBufferedBytes);
  const registry = new RoomRegistry({
    ...options,
    broker,
    clock,
    events,
    connections,
    countMembers,
    traffic,
    kindOf,
    chunk,
  });
  const joiner = new RoomJoiner({
    registry,
    // Memory alone answers within the turn.
    source: options.broker || options.redis ? new SharedHistory(broker) : broker,
    clock,
    events,
    tracker,
    countMembers,
    roomAt: (at) => new Room(at, rooms),
    joinTimeoutMs: options.joinTimeoutMs,
    chunk,
  });
  const verifier = options.auth.jwt
    ? new JwtVerifier(options.auth.jwt, !options.auth.identity, { clock, events })
    : undefined;
  const protocolFrames = new ProtocolFrames({
    broker,
    presence,
    bans,
    events,
    joiner,
    policy,
    maxRoomsPerConnection: options.maxRoomsPerConnection,
    chunk,
    verify: verifier && ((token) => verifyIdentity(verifier, options, token)),
  });
  const runtime: GatewayRuntime = new GatewayRuntime({
    options,
    clock,
    events,
    broker,
    bans,
    connections,
    budget: new BufferBudget(
      options.maxBufferedTotalBytes,
      () => connections.list(),
      (closed, queuedBytes) =>
        events.emit('buffersCut', { closed, queuedBytes, limitBytes: options.maxBufferedTotalBytes }),
    ),
    writesDirectly: 'writer' in direct,
    joiner,
    handshake: new Handshake({
      options,
      clock,
      events,
      broker,
      bans,
      policy,
      seats,
      replace: (userId, ids) => control.replace(userId, ids),
    }),
    frames: new FrameDispatcher({ clock, events, rooms, policy, joiner, protocolFrames, traffic }),
    texts: new TextDispatcher({ clock, events, rooms, policy, traffic }),
  });
  seats.onReplaced((userId, ids) => control.closeReplaced(userId, ids));
  control.onEvict((connection, address) => runtime.evict(connection, address));
  const heartbeat = new Heartbeat(connections, clock, options.heartbeatMs);
  const drain = new RealtimeDrain({
    ...options,
    clock,
    events,
    drained: runtime,
    connections,
  });
  const realtime = new Realtime(rooms, control);
  if (options.metrics) {
    const { exposeMetrics } = await loadMetrics();
    exposeMetrics(options.metrics, events, {
      connections: () => connections.size,
      rooms: () => registry.rooms().filter(({ namespace }) => namespace !== USER_NAMESPACE).length,
      bufferedBytes: () => connections.list().reduce((sum, { outbox }) => sum + outbox.pendingBytes, 0),
      brokerAvailable: () => broker.available,
      recovering: () => registry.roomsRecovering,
      draining: () => drain.draining,
      publishes: traffic.publishes,
      received: () => traffic.received,
      messages: () => traffic.messages,
      delivered: () => traffic.delivered,
    });
  }
  return {
    options,
    clock,
    events,
    backend,
    connections,
    direct,
    tracker,
    registry,
    realtime,
    verifier,
    policy,
    runtime,
    heartbeat,
    drain,
    traffic,
  };
}

/** prom-client is an optional peer: it is loaded where it is asked for, and not before. */
async function loadMetrics() {
  try {
    return await import('./metrics/realtime-metrics.js');
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new RealtimeConfigError(
      '"metrics" is set, but the package prom-client is not there: npm install prom-client',
      {
        cause,
      },
    );
  }
}

async function verifyIdentity(verifier: JwtVerifier, { auth }: ResolvedOptions, token: string): Promise<Identity> {
  const claims = await verifier.verify(token);
  const identity = identityOf(claims, auth.identity?.(claims));
  if (!identity) throw new FrameError('unauthenticated', 'expected "sub" in the token');
  return identity;
}
