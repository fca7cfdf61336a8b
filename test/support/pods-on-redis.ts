import type { RealtimeOptions } from '../../src/index.js';
import { AppClient } from './app-client.js';
import { freshUser } from './chat.js';
import { startPods } from './pods.js';
import type { Pods } from './pods.js';
import { RedisProcess } from './redis-process.js';
import { startTcpProxy } from './tcp-proxy.js';
import type { TcpProxy } from './tcp-proxy.js';

export interface PodsOnRedisOptions {
  /** Whether Redis keeps its data over a restart. */
  readonly persistent: boolean;
  /** How many of the two pods, from the first, have their way to Redis through the proxy. The worker never has. */
  readonly proxied: 1 | 2;
  readonly options?: RealtimeOptions;
}

/** Two pods and a worker on a Redis of the test's own, with a proxy on the way that can be cut. */
export class PodsOnRedis {
  private constructor(
    readonly redis: RedisProcess,
    readonly proxy: TcpProxy,
    readonly pods: Pods,
    /** What ends its parts, in the order in which they were started. */
    private readonly cleanUps: (() => unknown)[],
  ) {}

  static async start({ persistent, proxied, options }: PodsOnRedisOptions): Promise<PodsOnRedis> {
    const cleanUps: (() => unknown)[] = [];
    try {
      const redis = await RedisProcess.start({ persistent });
      cleanUps.push(() => redis.stop());
      const proxy = await startTcpProxy(redis.port);
      cleanUps.push(() => proxy.close());
      const ports = [0, 1, 2].map((nth) => (nth < proxied ? proxy.port : redis.port));
      const pods = await startPods(2, () => ({ redis: `redis://127.0.0.1:${ports.shift()}` }), {
        messagesPerSecond: 0,
        positionCheckMs: 500,
        ...options,
      });
      cleanUps.push(() => pods.close());
      return new PodsOnRedis(redis, proxy, pods, cleanUps);
    } catch (error) {
      await runBackwards(cleanUps);
      throw error;
    }
  }

  /** An application of a new user, in the room. It is closed with the rest. */
  async enter(room: string, pod: number): Promise<AppClient> {
    const client = await AppClient.enter(this.pods, room, freshUser(), pod);
    this.cleanUps.push(() => client.close());
    return client;
  }

  async close(): Promise<void> {
    await runBackwards(this.cleanUps.splice(0));
  }
}

async function runBackwards(cleanUps: readonly (() => unknown)[]): Promise<void> {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
}
