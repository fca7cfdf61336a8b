import type { RedisProcess } from '../redis-process.js';
import { RedisSentinel } from '../redis-sentinel.js';
import type { ReplicatedPlace } from './redis-place.js';

/** A master and its replica, which Sentinels watch. Neither keeps its data through a restart. */
export class SentinelPlace implements ReplicatedPlace {
  readonly masters = 1;

  private constructor(private readonly redis: RedisSentinel) {}

  static async start(): Promise<SentinelPlace> {
    return new SentinelPlace(await RedisSentinel.start());
  }

  urlOf(): string {
    return this.redis.url;
  }

  master(): Promise<RedisProcess> {
    return this.redis.master();
  }

  ownerOf(): Promise<RedisProcess> {
    return this.redis.master();
  }

  replicaOf(): Promise<RedisProcess> {
    return this.redis.replica();
  }

  replaced(master: RedisProcess): Promise<void> {
    return this.redis.replaced(master);
  }

  /** Told by an operator: Sentinel takes some 10 s. */
  async rejoined(replaced: RedisProcess): Promise<void> {
    const master = await this.redis.master();
    if (master !== replaced) await replaced.command('REPLICAOF', '127.0.0.1', String(master.port));
  }

  handOver(): Promise<void> {
    return this.redis.failOver();
  }

  whole(): Promise<void> {
    return this.redis.whole();
  }

  close(): Promise<void> {
    return this.redis.stop();
  }
}
