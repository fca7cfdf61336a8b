import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from '@jest/globals';
import { describeBrokerContract } from '../../src/testing/contracts/broker.contract.js';
import { brokerPods } from '../support/contract-pods.js';
import { RedisProcess } from '../support/redis-process.js';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(async () => redis.stop());

describeBrokerContract({ describe, it, beforeEach, afterEach }, 'RedisBroker', {
  createPods: brokerPods(
    () => redis.url,
    async () => void (await redis.command('DEBUG', 'CHANGE-REPL-ID')),
  ),
});
