import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from '@jest/globals';
import { describeBrokerContract } from '../../src/testing/contracts/broker.contract.js';
import { brokerPods } from '../support/contract-pods.js';
import { RedisCluster } from '../support/redis-cluster.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start();
}, 30_000);
afterAll(async () => cluster.stop());

describeBrokerContract({ describe, it, beforeEach, afterEach }, 'RedisBroker on a cluster', {
  createPods: brokerPods(
    () => cluster.url,
    async () => {
      await Promise.all(cluster.nodes.map((node) => node.command('DEBUG', 'CHANGE-REPL-ID')));
    },
  ),
});
