import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Bans } from 'rookery';
import { ManualClock, describeBansContract } from 'rookery/testing';

/** Bans of your own, in a store that all pods share. */
class OwnBans implements Bans {
  constructor(
    private readonly ends: Map<string, number>,
    private readonly clock: ManualClock,
  ) {}

  async ban(scope: string, userId: string, forMs: number): Promise<void> {
    const key = JSON.stringify([scope, userId]);
    this.ends.set(key, Math.max(this.ends.get(key) ?? 0, this.clock.now() + forMs));
  }

  async unban(scope: string, userId: string): Promise<void> {
    this.ends.delete(JSON.stringify([scope, userId]));
  }

  async remainingMs(scopes: readonly string[], userId: string): Promise<number> {
    const ends = scopes.map((scope) => this.ends.get(JSON.stringify([scope, userId])) ?? 0);
    return Math.max(0, ...ends.map((end) => end - this.clock.now()));
  }
}

describeBansContract({ describe, it, beforeEach, afterEach }, 'OwnBans', {
  createPods: async () => {
    const clock = new ManualClock();
    const ends = new Map<string, number>();
    return {
      pods: [new OwnBans(ends, clock), new OwnBans(ends, clock)],
      elapse: async (ms) => clock.advance(ms),
      close: async () => undefined,
    };
  },
});
