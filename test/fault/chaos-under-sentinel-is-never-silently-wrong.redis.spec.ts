import { expect, it } from '@jest/globals';
import { CHAOS_MARGIN_MS, chaosMs, runChaos } from '../support/ledger/chaos.js';
import { replicatedFaults } from '../support/ledger/redis-fault-kinds.js';
import { SentinelPlace } from '../support/ledger/sentinel-place.js';

const durationMs = chaosMs(15_000);

it(
  'three pods on a master, its replica and three Sentinels: what was acknowledged is delivered once, in order, or its loss is told',
  async () => {
    const { problems, unproven } = await runChaos({
      name: 'sentinel',
      durationMs,
      redis: () => SentinelPlace.start(),
      faults: replicatedFaults,
    });
    expect(problems).toEqual([]);
    expect(unproven).toEqual([]);
  },
  durationMs + CHAOS_MARGIN_MS,
);
