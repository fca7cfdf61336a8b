import type { SeatRules, Seating, Seats } from './seats.js';

/** What `MemorySeats` of one process share to be pods of one server: the connections of each user, oldest first. */
export type MemorySeatsStore = Map<string, Set<string>>;

/** The seats of one process. */
export class MemorySeats implements Seats {
  constructor(private readonly store: MemorySeatsStore = new Map()) {}

  /** Never calls it: whoever takes a seat is told whose it was, and nothing gets lost in one process. */
  onReplaced(): void {}

  async open(): Promise<void> {}

  async close(): Promise<void> {}

  async take(userId: string, connectionId: string, { most, whenFull }: SeatRules): Promise<Seating> {
    const taken = this.store.get(userId) ?? new Set();
    const tooMany = taken.size + 1 - most;
    if (tooMany > 0 && whenFull === 'reject') return { granted: false };
    const replaced = [...taken].slice(0, Math.max(0, tooMany));
    for (const id of replaced) taken.delete(id);
    this.store.set(userId, taken.add(connectionId));
    return { granted: true, replaced };
  }

  async release(userId: string, connectionId: string): Promise<void> {
    const taken = this.store.get(userId);
    if (taken?.delete(connectionId) && taken.size === 0) this.store.delete(userId);
  }
}
