import { MemoryBans } from '../../src/realtime/bans/memory-bans.js';
import { MemoryPresence } from '../../src/realtime/presence/memory-presence.js';
import { MemoryPresenceStore } from '../../src/realtime/presence/memory-presence-store.js';
import type { RealtimeOptions } from '../../src/index.js';
import { startTestServer } from '../../src/testing/index.js';
import type { TestServer } from '../../src/testing/index.js';
import { memoryBroker, memoryStore } from './brokers.js';
import { Chat } from './chat.js';
import { SECRET, startChat } from './chat-server.js';
import type { ChatServer } from './chat-server.js';

/** Several servers that share a broker, seen as one chat. */
export class Pods extends Chat {
  constructor(
    readonly pods: readonly ChatServer[],
    /** A process that has the module and no gateway. */
    readonly worker: TestServer,
  ) {
    super(
      pods.map((pod) => pod.url),
      SECRET,
    );
  }

  pod(index: number): ChatServer {
    const pod = this.pods[index];
    if (!pod) throw new Error(`expected a pod below ${this.pods.length}, got ${index}`);
    return pod;
  }

  async close(): Promise<void> {
    await this.cleanUp();
    await Promise.all([...this.pods.map((pod) => pod.close()), this.worker.close()]);
  }
}

/** Starts pods and a worker; what they share is made by `shared`, once for each of them. */
export async function startPods(
  count: number,
  shared: () => RealtimeOptions,
  options: RealtimeOptions = {},
): Promise<Pods> {
  const pods: ChatServer[] = [];
  for (let i = 0; i < count; i += 1) pods.push(await startChat({ ...options, ...shared() }));
  return new Pods(pods, await startTestServer({ options: { latestNamespaces: ['ticker'], ...options, ...shared() } }));
}

/** What pods of one process share. */
export function sharedMemory(): () => RealtimeOptions {
  const store = memoryStore({ historySize: 100_000 });
  const presence = new MemoryPresenceStore();
  const bans = new Map<string, number>();
  return () => ({
    broker: memoryBroker({ store }),
    presence: new MemoryPresence({ store: presence }),
    bans: new MemoryBans({ store: bans }),
  });
}
