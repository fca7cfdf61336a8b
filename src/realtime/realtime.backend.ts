import type { Bans } from './bans/bans.js';
import { MemoryBans } from './bans/memory-bans.js';
import type { Broker } from './broker/broker.js';
import { MemoryBroker } from './broker/memory-broker.js';
import type { Clock } from './clock.js';
import type { RealtimeEvents } from './realtime.events.js';
import type { ResolvedOptions } from './realtime.options.js';
import { MemoryPresence } from './presence/memory-presence.js';
import type { Presence } from './presence/presence.js';

/** What pods share: in memory for one process, in Redis for many. */
export interface Backend {
  readonly broker: Broker;
  readonly presence: Presence;
  readonly bans: Bans;
  open(): Promise<void>;
  /** @param graceMs How long the users of this pod may come back elsewhere without having left. */
  close(graceMs: number): Promise<void>;
}

/**
 * Chooses the implementations of the ports.
 *
 * @throws RealtimeConfigError bad_config — `redis` is set, but the package ioredis is not there.
 */
export async function createBackend(options: ResolvedOptions, clock: Clock, events: RealtimeEvents): Promise<Backend> {
  void events;
  const broker = options.broker ?? new MemoryBroker({ ...options, clock });
  const presence = options.presence ?? new MemoryPresence();
  const bans = options.bans ?? new MemoryBans({ clock });
  return {
    broker,
    presence,
    bans,
    open: async () => {
      await broker.open();
      await presence.open();
    },
    close: async (graceMs) => {
      await presence.close(graceMs);
      await broker.close();
    },
  };
}
