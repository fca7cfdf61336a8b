import { describePods } from '../support/pods-suite.js';
import { RedisCluster } from '../support/redis-cluster.js';

describePods('a redis cluster', async () => {
  const cluster = await RedisCluster.start();
  return { options: () => ({ redis: cluster.url }), close: () => cluster.stop() };
});
