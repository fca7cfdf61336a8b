import { HEARTBEAT_MS, clientsOf } from './fault-kinds.js';
import type { FaultKind } from './fault-kinds.js';

/** Pods die without a word, stand still, and are replaced one after the other. */
export const podFaults: Readonly<Record<string, FaultKind>> = {
  /** A pod dies, and comes back on its port. */
  podKilled: {
    hits: 'pod',
    takesTurns: true,
    everyMs: 20_000,
    lastsMs: [0, 0],
    feltAs: [1006],
    strike: (world, { target, hit }) => world.fleet.restart(target, 'kill', () => hit(...clientsOf(world, target))),
  },
  /** A pod stands still until its clients have noticed, and goes on as if nothing had been. */
  podPaused: {
    hits: 'pod',
    takesTurns: true,
    everyMs: 20_000,
    lastsMs: [3 * HEARTBEAT_MS, 5 * HEARTBEAT_MS],
    feltAs: [4000],
    strike: (world, { target, lastsMs, hit }) =>
      world.fleet.pause(target, lastsMs, () => hit(...clientsOf(world, target))),
  },
  /** Each pod in turn is asked to end, drains, and comes back. */
  rollingRestart: {
    hits: 'pod',
    takesTurns: true,
    everyMs: 60_000,
    lastsMs: [0, 0],
    feltAs: [1001, 1012],
    strike: async (world, { target, hit }) => {
      hit(...clientsOf(world, target));
      for (let nth = 0; nth < world.fleet.size; nth += 1) {
        await world.fleet.restart((target + nth) % world.fleet.size, 'stop', () => undefined);
      }
    },
  },
};
