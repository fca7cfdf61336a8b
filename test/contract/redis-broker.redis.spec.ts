import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisBroker } from '../../src/realtime/broker/redis-broker.js';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import { describeBrokerContract } from '../../src/testing/contracts/broker.contract.js';
import { RedisProcess } from '../support/redis-process.js';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(async () => redis.stop());

describeBrokerContract({ describe, it, beforeEach, afterEach }, 'RedisBroker', {
  createPods: async (settings) => {
    const pods = [1, 2].map(
      () => new RedisBroker({ connections: new RedisConnections({ redis: redis.url }), ...settings }),
    );
    await Promise.all(pods.map((pod) => pod.open()));
    return {
      pods,
      elapse: (ms) => sleep(ms), // Redis expires by the machine's clock.
      changeHands: async () => void (await redis.command('DEBUG', 'CHANGE-REPL-ID')),
      close: async () => {
        await Promise.all(pods.map((pod) => pod.close()));
      },
    };
  },
});
