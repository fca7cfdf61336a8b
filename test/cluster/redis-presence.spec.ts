import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisBans } from '../../src/realtime/bans/redis-bans.js';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import { RedisPresence } from '../../src/realtime/presence/redis-presence.js';
import { describeBansContract } from '../../src/testing/contracts/bans.contract.js';
import { describePresenceContract } from '../../src/testing/contracts/presence.contract.js';
import { RedisCluster } from '../support/redis-cluster.js';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await RedisCluster.start();
}, 30_000);
afterAll(async () => cluster.stop());

describePresenceContract({ describe, it, beforeEach, afterEach }, 'RedisPresence on a cluster', {
  createPods: async () => {
    const prefix = `${randomUUID()}:`;
    const pods = [1, 2, 3].map(() => {
      const connections = new RedisConnections({ redis: cluster.url, prefix });
      return { connections, presence: new RedisPresence({ connections, leaseMs: 300 }), crashed: false };
    });
    await Promise.all(pods.map(({ presence }) => presence.open()));
    return {
      pods: pods.map(({ presence }) => presence),
      elapse: (ms) => sleep(ms), // Leases are Redis's own time.
      crash: async (presence) => {
        for (const pod of pods) {
          if (pod.presence !== presence) continue;
          pod.crashed = true;
          await pod.connections.close();
        }
      },
      close: async () => {
        await Promise.all(pods.filter(({ crashed }) => !crashed).map(({ presence }) => presence.close(0)));
      },
    };
  },
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
