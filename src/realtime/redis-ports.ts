import type { Bans } from './bans/bans.js';
import { RedisBans } from './bans/redis-bans.js';
import type { Broker } from './broker/broker.js';
import { RedisBroker } from './broker/redis-broker.js';
import { RedisConnections } from './broker/redis-connections.js';
import type { RedisConnectionsOptions } from './broker/redis-connections.js';
import type { Presence } from './presence/presence.js';
import { RedisPresence } from './presence/redis-presence.js';
import { RedisSeats } from './seats/redis-seats.js';
import type { Seats } from './seats/seats.js';

export type { RedisSource } from './broker/redis-settings.js';

export interface RedisPortsOptions extends RedisConnectionsOptions {
  readonly historySize: number;
  readonly historyTtlMs: number;
  readonly dedupeTtlMs: number;
  readonly waitReplicas: number;
}

/**
 * Makes the ports of one process on Redis, which share their connections. This file is the one that is loaded where Redis
 * is configured, and not before: with it comes ioredis, which is an optional peer.
 */
export function createRedisPorts(options: RedisPortsOptions): {
  broker: Broker;
  presence: Presence;
  bans: Bans;
  seats: Seats;
} {
  const connections = new RedisConnections(options);
  return {
    broker: new RedisBroker({ ...options, connections }),
    presence: new RedisPresence({ connections }),
    bans: new RedisBans(connections),
    seats: new RedisSeats({ connections }),
  };
}
