import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { RealtimeClient } from '../../src/client/index.js';
import type { ClientRoom, SendResult } from '../../src/client/index.js';
import { Balancer } from '../support/balancer.js';
import { freshRoom, range } from '../support/chat.js';
import { RedisProcess } from '../support/redis-process.js';
import { ServerProcess } from '../support/server-process.js';
import { mint } from '../support/tokens.js';
import { until, within } from '../support/within.js';

const SECRET = 'the secret of the pods of 32 bytes or more';
const PODS = 3;
const CLIENTS = 9;

// Processes start here; a busy machine takes its time.
jest.setTimeout(120_000);

let redis: RedisProcess;
let pods: ServerProcess[] = [];
const clients: RealtimeClient[] = [];

beforeEach(async () => {
  redis = await RedisProcess.start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await Promise.all(pods.splice(0).map((pod) => pod.kill()));
  await redis?.stop();
});

function startPod(): Promise<ServerProcess> {
  return ServerProcess.start({
    REDIS_URL: redis.url,
    JWT_SECRET: SECRET,
    HISTORY_SIZE: '100000',
    // Nobody counts as gone while he comes back, however slow the machine is.
    LEAVE_GRACE_MS: '20000',
    DRAIN_DELAY_MS: '300',
    DRAIN_MS: '1500',
  });
}

/** One of our clients that sends all the time, and what its application saw. */
class Talker {
  readonly seen: number[] = [];
  readonly seenIds: unknown[] = [];
  readonly told: unknown[] = [];
  readonly acknowledged: number[] = [];
  readonly failures: unknown[] = [];
  private talking = true;
  private readonly done: Promise<void>;

  constructor(readonly room: ClientRoom) {
    room.on('message', ({ offset, id }) => {
      this.seen.push(offset ?? 0);
      this.seenIds.push(id);
    });
    room.on('gap', (gap) => this.told.push(gap));
    room.on('system', ({ event, user }) => {
      if (event === 'left') this.told.push(`${user} left`);
    });
    this.done = this.talk();
  }

  /** Says no more. Resolves when everything that was said is answered. */
  stop(): Promise<void> {
    this.talking = false;
    return this.done;
  }

  private async talk(): Promise<void> {
    const sends: Promise<unknown>[] = [];
    for (let n = 1; this.talking; n += 1) {
      const sent = this.room.send('message', { text: String(n) });
      sends.push(
        sent.then(
          ({ offset }: SendResult) => this.acknowledged.push(offset ?? 0),
          (error: unknown) => this.failures.push(error),
        ),
      );
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    await Promise.all(sends);
  }
}

it('for clients that send all the time: each pod in turn is replaced, every frame arrives once and in order', async () => {
  const balancer = new Balancer();
  const rooms = range(1, 3).map(() => freshRoom());
  pods = await Promise.all(range(1, PODS).map(() => startPod()));
  balancer.add(...pods.map(({ port }) => port));
  const talkers = range(1, CLIENTS).map((n) => {
    const client = new RealtimeClient('ws://127.0.0.1/ws/chat', {
      WebSocket: balancer.webSocket(),
      token: () => mint(SECRET, { sub: `u${n}`, name: `u${n}` }),
    });
    clients.push(client);
    return new Talker(client.room(rooms[n % rooms.length]!));
  });
  const acknowledged = (): number[] => talkers.map((talker) => talker.acknowledged.length);
  await until('everybody is heard', () => acknowledged().every((count) => count > 10), 30_000);

  for (const old of [...pods]) {
    const young = await startPod();
    pods.push(young);
    balancer.add(young.port);
    const stopped = old.stop();
    // As an orchestrator does: it is taken off the list because it is not ready, a moment after the signal.
    await until('the pod is not ready', async () => (await fetch(`${old.httpUrl}/readyz`)).status === 503);
    balancer.remove(old.port);
    expect(await within('the pod to end', stopped, 30_000)).toBe(0);
    expect(old.events('drained')).toHaveLength(1);
    const before = acknowledged();
    await until('everybody is heard again', () => acknowledged().every((count, i) => count > before[i]! + 5), 30_000);
  }
  await Promise.all(talkers.map((talker) => talker.stop()));

  for (const room of rooms) {
    const here = talkers.filter((talker) => talker.room.name === room);
    const offsets = here.flatMap((talker) => talker.acknowledged).sort((a, b) => a - b);
    expect(offsets).toEqual(range(1, offsets.length));
    for (const talker of here) {
      await until('everything was delivered', () => talker.seen.at(-1) === offsets.length, 20_000);
      expect(talker.failures).toEqual([]);
      expect(talker.told).toEqual([]);
      // It begins where it joined.
      expect(talker.seen).toEqual(range(talker.seen[0] ?? 1, offsets.length));
      expect(new Set(talker.seenIds).size).toBe(talker.seen.length);
    }
  }
});
