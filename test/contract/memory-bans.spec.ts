import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryBans } from '../../src/realtime/bans/memory-bans.js';
import { describeBansContract } from '../../src/testing/contracts/bans.contract.js';
import { ManualClock } from '../../src/testing/manual-clock.js';

describeBansContract({ describe, it, beforeEach, afterEach }, 'MemoryBans', {
  createPods: async () => {
    const clock = new ManualClock();
    const store = new Map<string, number>();
    return {
      pods: [1, 2].map(() => new MemoryBans({ store, clock })),
      elapse: async (ms) => clock.advance(ms),
      close: async () => store.clear(),
    };
  },
});

describe('MemoryBans', () => {
  it('forget bans that are over, without a timer', async () => {
    const clock = new ManualClock();
    const store = new Map<string, number>();
    const bans = new MemoryBans({ store, clock });
    for (let i = 0; i < 10_000; i += 1) {
      await bans.ban('*', `u${i}`, 100);
      clock.advance(1);
    }
    expect(store.size).toBeLessThan(1_100);
    expect(clock.pending).toBe(0);
  });
});
