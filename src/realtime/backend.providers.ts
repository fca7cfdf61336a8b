import { Logger } from '@nestjs/common';
import type { Bans } from './bans/bans.js';
import { MemoryBans } from './bans/memory-bans.js';
import type { Broker } from './broker/broker.js';
import { MemoryBroker } from './broker/memory-broker.js';
import { SystemClock } from './clock.js';
import type { Clock } from './clock.js';
import { RealtimeConfigError } from './realtime.errors.js';
import type { RealtimeEvents } from './realtime.events.js';
import { resolveOptions } from './resolve-options.js';
import type { RealtimeOptions, ResolvedOptions } from './realtime.options.js';
import { MemoryPresence } from './presence/memory-presence.js';
import type { Presence } from './presence/presence.js';
import type { RedisSource } from './redis-ports.js';
import { MemorySeats } from './seats/memory-seats.js';
import type { Seats } from './seats/seats.js';

/** What pods share: in memory for one process, in Redis for many. */
export interface Backend {
  readonly broker: Broker;
  readonly presence: Presence;
  readonly bans: Bans;
  readonly seats: Seats;
  open(): Promise<void>;
  /** @param graceMs How long the users of this pod may come back elsewhere without having left. */
  close(graceMs: number): Promise<void>;
}

type Ports = Pick<Backend, 'broker' | 'presence' | 'bans' | 'seats'>;

/**
 * Chooses the implementations of the ports: an application's own, else those of Redis where it is configured, else memory.
 *
 * @throws RealtimeConfigError bad_config — `redis` can't be used, or the package ioredis is not there.
 */
export async function createBackend(options: ResolvedOptions, clock: Clock, events: RealtimeEvents): Promise<Backend> {
  const own = { broker: options.broker, presence: options.presence, bans: options.bans, seats: options.seats };
  const { broker, presence, bans, seats } = isComplete(own)
    ? own
    : { ...(await createPorts(options, clock, events)), ...given(own) };
  broker.onAvailability((available) => events.emit('availabilityChanged', { available }));
  let opened = 0;
  return {
    broker,
    presence,
    bans,
    seats,
    open: async () => {
      await broker.open();
      opened = 1;
      await presence.open();
      opened = 2;
      await seats.open();
      opened = 3;
    },
    close: async (graceMs) => {
      if (opened > 2) await seats.close();
      if (opened > 1) await presence.close(graceMs);
      if (opened > 0) await broker.close();
      opened = 0;
    },
  };
}

/**
 * The broker that an application without Redis has, with the module's own options: for whoever puts something around it,
 * as tests do.
 */
export function createMemoryBroker(
  options: Pick<RealtimeOptions, 'historySize' | 'historyTtlMs' | 'dedupeTtlMs' | 'clock'> = {},
): Broker {
  return new MemoryBroker({ ...resolveOptions(options), clock: options.clock ?? new SystemClock() });
}

async function createPorts(options: ResolvedOptions, clock: Clock, events: RealtimeEvents): Promise<Ports> {
  if (options.redis === undefined) {
    if (options.redisWaitReplicas > 0) {
      throw new RealtimeConfigError('redisWaitReplicas: expected "redis" beside it, got memory, which has no replicas');
    }
    return {
      broker: new MemoryBroker({ ...options, clock }),
      presence: new MemoryPresence({ clock }),
      bans: new MemoryBans({ clock }),
      seats: new MemorySeats(),
    };
  }
  const { createRedisPorts } = await loadRedis();
  // No clock: leases and connections go by the time of Redis and of the machine, which no test can move.
  return createRedisPorts({
    historySize: options.historySize,
    historyTtlMs: options.historyTtlMs,
    dedupeTtlMs: options.dedupeTtlMs,
    redis: options.redis as RedisSource,
    prefix: options.redisPrefix,
    waitReplicas: options.redisWaitReplicas,
    logger: new Logger('Redis'),
    onSubscriptionsDead: () => events.emit('subscriptionsDied', {}),
  });
}

/** ioredis is an optional peer: it is loaded where it is asked for, and not before. */
async function loadRedis() {
  try {
    return await import('./redis-ports.js');
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new RealtimeConfigError('"redis" is set, but the package ioredis is not there: npm install ioredis', {
      cause,
    });
  }
}

function given(own: Partial<Ports>): Partial<Ports> {
  return Object.fromEntries(Object.entries(own).filter(([, port]) => port !== undefined));
}

function isComplete(own: Partial<Ports>): own is Ports {
  return Object.values(own).every((port) => port !== undefined);
}
