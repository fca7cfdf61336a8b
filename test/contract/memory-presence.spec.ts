import { afterEach, beforeEach, describe, it } from '@jest/globals';
import { MemoryPresence } from '../../src/realtime/presence/memory-presence.js';
import { MemoryPresenceStore } from '../../src/realtime/presence/memory-presence-store.js';
import { describePresenceContract } from '../../src/testing/contracts/presence.contract.js';
import { ManualClock } from '../../src/testing/manual-clock.js';

describePresenceContract({ describe, it, beforeEach, afterEach }, 'MemoryPresence', {
  createPods: async () => {
    const clock = new ManualClock();
    const store = new MemoryPresenceStore(clock);
    const pods = [1, 2, 3].map(() => new MemoryPresence({ store }));
    await Promise.all(pods.map((pod) => pod.open()));
    return {
      pods,
      elapse: async (ms) => clock.advance(ms),
      // Within one process the nearest thing to a crash is an end that nobody waits for.
      crash: (pod) => pod.close(0),
      close: async () => {
        await Promise.all(pods.map((pod) => pod.close(0)));
      },
    };
  },
});
