import { MemoryBroker } from '../../src/realtime/broker/memory-broker.js';
import { MemoryStore } from '../../src/realtime/broker/memory-store.js';
import { SystemClock } from '../../src/index.js';
import type { Broker, Clock } from '../../src/index.js';

export interface MemorySettings {
  readonly historySize?: number;
  readonly historyTtlMs?: number;
  readonly dedupeTtlMs?: number;
  readonly clock?: Clock;
}

const DEFAULTS = { historySize: 1_000, historyTtlMs: 86_400_000, dedupeTtlMs: 300_000, clock: new SystemClock() };

/** What several memory brokers can share, as pods share a Redis. */
export function memoryStore(settings: MemorySettings = {}): MemoryStore {
  return new MemoryStore({ ...DEFAULTS, ...settings });
}

/** The module's own default broker, made by hand so that a test can stand around it. */
export function memoryBroker(settings: MemorySettings & { readonly store?: MemoryStore } = {}): Broker {
  return new MemoryBroker({ ...DEFAULTS, ...settings });
}

export type { MemoryStore };
