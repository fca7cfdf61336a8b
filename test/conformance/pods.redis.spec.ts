import { describePods } from '../support/pods-suite.js';
import { RedisProcess } from '../support/redis-process.js';

describePods('redis', async () => {
  const redis = await RedisProcess.start();
  return { options: () => ({ redis: redis.url }), close: () => redis.stop() };
});
