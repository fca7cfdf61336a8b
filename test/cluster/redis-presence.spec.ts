import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisBans } from '../../src/realtime/bans/redis-bans.js';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import { describeBansContract } from '../../src/testing/contracts/bans.contract.js';
import { describePresenceContract } from '../../src/testing/contracts/presence.contract.js';
import { presencePods } from '../support/contract-pods.js';
import { RedisCluster } from '../support/redis-cluster.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start();
}, 30_000);
afterAll(async () => cluster.stop());

describePresenceContract({ describe, it, beforeEach, afterEach }, 'RedisPresence on a cluster', {
  createPods: presencePods(() => cluster.url),
});

describeBansContract({ describe, it, beforeEach, afterEach }, 'RedisBans on a cluster', {
  createPods: async () => {
    const prefix = `${randomUUID()}:`;
    const connections = [1, 2].map(() => new RedisConnections({ redis: cluster.url, prefix }));
    await Promise.all(connections.map((one) => one.open()));
    return {
      pods: connections.map((one) => new RedisBans(one)),
      elapse: (ms) => sleep(ms), // Redis expires by the machine's clock.
      close: async () => {
        await Promise.all(connections.map((one) => one.close()));
      },
    };
  },
});
