import { expect, it } from '@jest/globals';
import { CHAOS_MARGIN_MS, chaosMs, runChaos } from '../support/ledger/chaos.js';
import { standaloneFaults } from '../support/ledger/redis-fault-kinds.js';
import { StandalonePlace } from '../support/ledger/standalone-place.js';

const durationMs = chaosMs(30_000);

it(
  'three pods on one Redis with an append-only file, which now and then loses it: what was acknowledged is delivered once, in order, or its loss is told',
  async () => {
    const { problems, unproven } = await runChaos({
      name: 'standalone',
      durationMs,
      redis: (pods) => StandalonePlace.start(pods),
      faults: standaloneFaults,
      losesAll: true,
    });
    expect(problems).toEqual([]);
    expect(unproven).toEqual([]);
  },
  durationMs + CHAOS_MARGIN_MS,
);
