import { RedisProcess } from '../redis-process.js';
import { startTcpProxy } from '../tcp-proxy.js';
import type { TcpProxy } from '../tcp-proxy.js';
import type { RedisPlace } from './redis-place.js';

/** One server with an append-only file, which each pod reaches on a way of its own. */
export class StandalonePlace implements RedisPlace {
  readonly masters = 1;

  private constructor(
    private readonly redis: RedisProcess,
    /** By pod. */
    private readonly ways: readonly TcpProxy[],
  ) {}

  static async start(pods: number): Promise<StandalonePlace> {
    const redis = await RedisProcess.start({ persistent: true });
    return new StandalonePlace(redis, await Promise.all(Array.from({ length: pods }, () => startTcpProxy(redis.port))));
  }

  urlOf(pod: number): string {
    return `redis://127.0.0.1:${this.way(pod).port}`;
  }

  way(pod: number): TcpProxy {
    const way = this.ways[pod];
    if (!way) throw new RangeError(`expected a pod below ${this.ways.length}, got ${pod}`);
    return way;
  }

  async master(): Promise<RedisProcess> {
    return this.redis;
  }

  async ownerOf(): Promise<RedisProcess> {
    return this.redis;
  }

  async whole(): Promise<void> {
    await this.redis.command('PING');
  }

  async close(): Promise<void> {
    await Promise.all(this.ways.map((way) => way.close()));
    await this.redis.stop();
  }
}
