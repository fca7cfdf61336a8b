import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisBans } from '../../src/realtime/bans/redis-bans.js';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import { describeBansContract } from '../../src/testing/contracts/bans.contract.js';
import { RedisProcess } from '../support/redis-process.js';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(async () => redis.stop());

describeBansContract({ describe, it, beforeEach, afterEach }, 'RedisBans', {
  createPods: async () => {
    const prefix = `${randomUUID()}:`;
    const connections = [1, 2].map(() => new RedisConnections({ redis: redis.url, prefix }));
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
