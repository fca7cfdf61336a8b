import { expect, it } from '@jest/globals';
import { CHAOS_MARGIN_MS, chaosMs, runChaos } from '../support/ledger/chaos.js';
import { clusterFaults } from '../support/ledger/redis-fault-kinds.js';
import { ClusterPlace } from '../support/ledger/cluster-place.js';

const durationMs = chaosMs(15_000);

it(
  'three pods on a cluster of three masters with replicas: what was acknowledged is delivered once, in order, or its loss is told',
  async () => {
    const { problems, unproven } = await runChaos({
      name: 'cluster',
      durationMs,
      redis: () => ClusterPlace.start(),
      faults: clusterFaults,
    });
    expect(problems).toEqual([]);
    expect(unproven).toEqual([]);
  },
  durationMs + CHAOS_MARGIN_MS,
);
