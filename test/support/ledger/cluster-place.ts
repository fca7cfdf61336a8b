import { RedisCluster } from '../redis-cluster.js';
import type { RedisProcess } from '../redis-process.js';
import { until } from '../within.js';
import type { ReplicatedPlace } from './redis-place.js';

/** Three masters that share the slots, each with a replica. None keeps its data through a restart. */
export class ClusterPlace implements ReplicatedPlace {
  readonly masters = 3;

  private constructor(readonly cluster: RedisCluster) {}

  static async start(): Promise<ClusterPlace> {
    return new ClusterPlace(await RedisCluster.start({ replicas: true }));
  }

  urlOf(): string {
    return this.cluster.url;
  }

  async master(nth: number): Promise<RedisProcess> {
    const master = (await this.cluster.masters())[nth];
    if (!master) throw new RangeError(`expected a master below ${this.masters}, got ${nth}`);
    return master;
  }

  ownerOf(key: string): Promise<RedisProcess> {
    return this.cluster.ownerOf(key);
  }

  replicaOf(master: RedisProcess): Promise<RedisProcess> {
    return this.cluster.replicaOf(master);
  }

  replaced(_master: RedisProcess, replica: RedisProcess): Promise<void> {
    return this.cluster.promoted(replica);
  }

  /** It learns that from the others by itself: `whole` waits for it. */
  async rejoined(): Promise<void> {}

  async handOver(_master: RedisProcess, replica: RedisProcess): Promise<void> {
    await until('the replica asks for it', async () => (await replica.command('CLUSTER', 'FAILOVER')) === 'OK');
    await this.cluster.promoted(replica);
  }

  whole(): Promise<void> {
    return this.cluster.whole();
  }

  close(): Promise<void> {
    return this.cluster.stop();
  }
}
