import { getHeapStatistics } from 'node:v8';
import { RealtimeConfigError } from './realtime.errors.js';
import type { AuthOptions, FlatOptions, RealtimeOptions, ResolvedOptions } from './realtime.options.js';
import { isNamespace } from './rooms/address.js';

/** Sixty seconds of answers to pings at this pace are as many as a connection may send (`MAX_CONTROLS_PER_MINUTE`). */
const MIN_HEARTBEAT_MS = 100;
const POSITIVE = ['maxFrameBytes', 'dedupeTtlMs', 'joinTimeoutMs'] as const;

/**
 * Puts every default in its place, once.
 *
 * @throws RealtimeConfigError bad_config — an option can't be used.
 */
export function resolveOptions(given: RealtimeOptions): ResolvedOptions {
  const flat: FlatOptions = {
    redisPrefix: given.redisPrefix ?? 'rookery:',
    redisWaitReplicas: given.redisWaitReplicas ?? 0,
    maxFrameBytes: given.maxFrameBytes ?? 65_536,
    maxBufferedBytes: given.maxBufferedBytes ?? 1_048_576,
    maxBufferedTotalBytes: given.maxBufferedTotalBytes ?? Math.floor(getHeapStatistics().heap_size_limit / 4),
    heartbeatMs: given.heartbeatMs ?? 25_000,
    messagesPerSecond: given.messagesBurst === 0 ? 0 : (given.messagesPerSecond ?? 50),
    messagesBurst: given.messagesBurst ?? 100,
    maxErrorsPerMinute: given.maxErrorsPerMinute ?? 60,
    maxRoomsPerConnection: given.maxRoomsPerConnection ?? 100,
    maxConnections: given.maxConnections ?? 0,
    maxConnectionsPerIp: given.maxConnectionsPerIp ?? 0,
    maxConnectionsPerUser: given.maxConnectionsPerUser ?? 0,
    whenUserIsFull: given.whenUserIsFull ?? 'reject',
    historySize: given.historySize ?? 1_000,
    historyTtlMs: given.historyTtlMs ?? 86_400_000,
    latestNamespaces: given.latestNamespaces ?? [],
    dedupeTtlMs: given.dedupeTtlMs ?? 300_000,
    leaveGraceMs: given.leaveGraceMs ?? 2_000,
    announceUpTo: given.announceUpTo ?? 100,
    drainDelayMs: given.drainDelayMs ?? 5_000,
    drainMs: given.drainMs ?? 15_000,
    positionCheckMs: given.positionCheckMs ?? 10_000,
    unsubscribeDelayMs: given.unsubscribeDelayMs ?? 5_000,
    joinTimeoutMs: given.joinTimeoutMs ?? 5_000,
    compression: given.compression ?? false,
    nativeWrites: given.nativeWrites ?? 'auto',
  };
  checkFlat(flat);
  return {
    ...flat,
    redis: given.redis,
    metrics: given.metrics ?? false,
    auth: checkAuth(given),
    handshake: {
      refusal: given.handshake?.refusal ?? 'auto',
      trustProxy: given.handshake?.trustProxy ?? false,
      guardTimeoutMs: given.handshake?.guardTimeoutMs ?? 5_000,
      globalGuards: given.handshake?.globalGuards ?? false,
      maxPending: given.handshake?.maxPending ?? 1_000,
      maxPerSecond: given.handshake?.maxPerSecond ?? 0,
      maxLoopLagMs: given.handshake?.maxLoopLagMs ?? 1_000,
      ...(given.handshake?.allowedOrigins ? { allowedOrigins: given.handshake.allowedOrigins.map(checkOrigin) } : {}),
    },
    broker: given.broker,
    presence: given.presence,
    bans: given.bans,
    seats: given.seats,
    clock: given.clock,
  };
}

function checkFlat(flat: FlatOptions): void {
  for (const [name, value] of Object.entries(flat)) {
    if (typeof value === 'number' && !(Number.isSafeInteger(value) && value >= 0)) {
      throw new RealtimeConfigError(`${name}: expected a whole number from 0, got ${String(value)}`);
    }
  }
  for (const name of POSITIVE) {
    if (flat[name] === 0) throw new RealtimeConfigError(`${name} can't be 0: set it to at least 1`);
  }
  const wrong = flat.latestNamespaces.find((name) => !isNamespace(name));
  if (wrong !== undefined) {
    throw new RealtimeConfigError(`latestNamespaces: expected names of namespaces, got ${JSON.stringify(wrong)}`);
  }
  if (!['auto', 'off'].includes(flat.nativeWrites)) {
    throw new RealtimeConfigError(`nativeWrites: expected auto or off, got ${JSON.stringify(flat.nativeWrites)}`);
  }
  if (flat.heartbeatMs > 0 && flat.heartbeatMs < MIN_HEARTBEAT_MS) {
    throw new RealtimeConfigError(
      `heartbeatMs: expected 0 or at least ${MIN_HEARTBEAT_MS}, got ${flat.heartbeatMs}: whoever answers pings faster than that is taken for a flood (CL7)`,
    );
  }
  if (!/^[A-Za-z0-9:_-]*$/.test(flat.redisPrefix)) {
    throw new RealtimeConfigError(
      `redisPrefix: expected only A-Z a-z 0-9 : _ -, got ${JSON.stringify(flat.redisPrefix)}`,
    );
  }
}

function checkAuth(given: RealtimeOptions): AuthOptions {
  const { cacheSize = 0 } = given.auth?.jwt ?? {};
  if (!Number.isSafeInteger(cacheSize) || cacheSize < 0) {
    throw new RealtimeConfigError(`auth.jwt.cacheSize: expected a whole number from 0, got ${String(cacheSize)}`);
  }
  if (given.auth?.roomsClaim === '') {
    throw new RealtimeConfigError('auth.roomsClaim: expected the name of a claim, got an empty text');
  }
  const origins = given.handshake?.allowedOrigins ?? [];
  if (given.auth?.jwt?.cookie !== undefined && (origins.length === 0 || origins.includes('*'))) {
    throw new RealtimeConfigError(
      'auth.jwt.cookie needs handshake.allowedOrigins: a browser sends cookies from every page, so the pages that may connect must be named',
    );
  }
  return given.auth ?? {};
}

function checkOrigin(origin: string): string {
  if (origin === '*') return origin;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (!url || url.origin === 'null' || url.origin !== origin.replace(/\/$/, '').toLowerCase()) {
    throw new RealtimeConfigError(
      `handshake.allowedOrigins: expected scheme://host[:port], got ${JSON.stringify(origin)}`,
    );
  }
  return url.origin;
}
