import { SystemClock } from '../clock.js';
import type { Clock } from '../clock.js';
import type { Bans } from './bans.js';
export class MemoryBans implements Bans {
  private readonly until = new Map<string, number>(); private readonly clock: Clock;
  constructor(options: { clock?: Clock } = {}) { this.clock = options.clock ?? new SystemClock(); }
  async ban(scope: string, userId: string, forMs: number): Promise<void> { this.until.set(`${scope}\n${userId}`, this.clock.now() + forMs); }
  async remainingMs(scopes: readonly string[], userId: string): Promise<number> { return Math.max(0, ...scopes.map((s) => (this.until.get(`${s}\n${userId}`) ?? 0) - this.clock.now())); }
}
