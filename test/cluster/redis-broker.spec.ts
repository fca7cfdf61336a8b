import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisBroker } from '../../src/realtime/broker/redis-broker.js';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import { describeBrokerContract } from '../../src/testing/contracts/broker.contract.js';
import { RedisCluster } from '../support/redis-cluster.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start();
}, 30_000);
afterAll(async () => cluster.stop());

describeBrokerContract({ describe, it, beforeEach, afterEach }, 'RedisBroker on a cluster', {
  createPods: async (settings) => {
    const pods = [1, 2].map(
      () => new RedisBroker({ connections: new RedisConnections({ redis: cluster.url }), ...settings }),
    );
    await Promise.all(pods.map((pod) => pod.open()));
    return {
      pods,
      elapse: (ms) => sleep(ms), // Redis expires by the machine's clock.
      changeHands: async () => {
        await Promise.all(cluster.nodes.map((node) => node.command('DEBUG', 'CHANGE-REPL-ID')));
      },
      close: async () => {
        await Promise.all(pods.map((pod) => pod.close()));
      },
    };
  },
});
