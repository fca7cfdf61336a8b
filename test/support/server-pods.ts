import type { SystemFrame } from '../../src/protocol/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { Chat } from './chat.js';
import { RedisProcess } from './redis-process.js';
import { ServerProcess } from './server-process.js';

const SECRET = 'the secret of the pods of 32 bytes or more';

/** Servers in processes of their own over one Redis, seen as one chat. */
export class ServerPods extends Chat {
  private constructor(
    readonly redis: RedisProcess,
    readonly pods: readonly ServerProcess[],
  ) {
    super(
      pods.map((pod) => pod.wsUrl),
      SECRET,
    );
  }

  /** Starts as many as there are settings, each with its own. */
  static async start(settings: readonly NodeJS.ProcessEnv[]): Promise<ServerPods> {
    const redis = await RedisProcess.start();
    const shared = { REDIS_URL: redis.url, JWT_SECRET: SECRET, MESSAGES_PER_SECOND: '0', HISTORY_SIZE: '100000' };
    const started = await Promise.allSettled(settings.map((own) => ServerProcess.start({ ...shared, ...own })));
    const pods = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failed = started.find((one) => one.status === 'rejected');
    if (!failed) return new ServerPods(redis, pods);
    await Promise.all(pods.map((pod) => pod.kill()));
    await redis.stop();
    throw failed.reason;
  }

  pod(index: number): ServerProcess {
    const pod = this.pods[index];
    if (!pod) throw new Error(`expected a pod below ${this.pods.length}, got ${index}`);
    return pod;
  }

  async close(): Promise<void> {
    await this.cleanUp();
    await Promise.all(
      this.pods.map((pod) => {
        pod.resume(); // One that stands still can't end.
        return pod.kill();
      }),
    );
    await this.redis.stop();
  }
}

/** Who was announced to a client so far, and as what: `left u1`. */
export function announcements(client: TestClient): string[] {
  return client.received
    .filter((frame) => frame.type === 'system')
    .map((frame) => `${(frame as unknown as SystemFrame).event} ${(frame as unknown as SystemFrame).userId}`);
}
