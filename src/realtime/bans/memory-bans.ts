import { SystemClock } from '../clock.js';
import type { Clock } from '../clock.js';
import type { Bans } from './bans.js';

/** What `MemoryBans` of one process share to be pods of one server: the end of each ban, by scope and user. */
export type MemoryBansStore = Map<string, number>;

export interface MemoryBansOptions {
  readonly store?: MemoryBansStore | undefined;
  readonly clock?: Clock | undefined;
}

const SWEEP_FROM = 1_000;

/** The bans of one process. */
export class MemoryBans implements Bans {
  private readonly store: MemoryBansStore;
  private readonly clock: Clock;
  private sweepAt = SWEEP_FROM;

  constructor({ store, clock }: MemoryBansOptions = {}) {
    this.store = store ?? new Map();
    this.clock = clock ?? new SystemClock();
  }

  async ban(scope: string, userId: string, forMs: number): Promise<void> {
    const key = keyOf(scope, userId);
    const now = this.clock.now();
    this.store.set(key, Math.max(this.store.get(key) ?? 0, now + forMs));
    if (this.store.size >= this.sweepAt) this.sweep(now);
  }

  async unban(scope: string, userId: string): Promise<void> {
    this.store.delete(keyOf(scope, userId));
  }

  async remainingMs(scopes: readonly string[], userId: string): Promise<number> {
    if (this.store.size === 0) return 0; // As nearly always: each handshake asks three times.
    const now = this.clock.now();
    const ends = scopes.map((scope) => this.store.get(keyOf(scope, userId)) ?? 0);
    return Math.max(0, ...ends.map((end) => end - now));
  }

  /** Each time it has doubled since the last time: what a ban costs stays bounded, without a timer. */
  private sweep(now: number): void {
    for (const [key, end] of this.store) if (end <= now) this.store.delete(key);
    this.sweepAt = Math.max(SWEEP_FROM, this.store.size * 2);
  }
}

function keyOf(scope: string, userId: string): string {
  return `${scope.length}:${scope}${userId}`;
}
