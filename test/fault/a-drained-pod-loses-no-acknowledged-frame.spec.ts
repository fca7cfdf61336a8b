import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { AckFrame } from '../../src/protocol/index.js';
import { TestClient } from '../../src/testing/index.js';
import { Chat, freshRoom, freshUser, range, storedIn } from '../support/chat.js';
import { RedisProcess } from '../support/redis-process.js';
import { ServerProcess } from '../support/server-process.js';
import { until, within } from '../support/within.js';

const SECRET = 'the secret of the pods of 32 bytes or more';
const SENDERS = 12;
/** Of each sender. */
const UNDER_WAY = 5;

// Processes start here; a busy machine takes its time.
jest.setTimeout(60_000);

let redis: RedisProcess;
let pods: ServerProcess[] = [];
let chat: Chat;

beforeEach(async () => {
  redis = await RedisProcess.start();
  const env = { REDIS_URL: redis.url, JWT_SECRET: SECRET, MESSAGES_PER_SECOND: '0', HISTORY_SIZE: '100000' };
  pods = await Promise.all([
    ServerProcess.start({ ...env, DRAIN_DELAY_MS: '500', DRAIN_MS: '2000' }),
    ServerProcess.start(env),
  ]);
  chat = new Chat(
    pods.map((pod) => pod.wsUrl),
    SECRET,
  );
});

afterEach(async () => {
  await chat?.cleanUp();
  await Promise.all(pods.map((pod) => pod.kill()));
  await redis?.stop();
});

/** Sends all the time until its connection ends, not more than it is acknowledged. */
class Sender {
  readonly acknowledged: string[] = [];
  private sent = 0;

  constructor(
    readonly client: TestClient,
    private readonly name: string,
  ) {
    const send = (): void => {
      if (!client.isOpen) return;
      while (this.sent < this.acknowledged.length + UNDER_WAY) {
        this.sent += 1;
        client.send({ type: 'message', text: 'hi', id: `${name}-${this.sent}` });
      }
      setTimeout(send, 10);
    };
    client.ws.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as AckFrame;
      if (frame.type === 'ack') this.acknowledged.push(frame.id);
    });
    send();
  }
}

it('under load: every client is told to come back, one after the other, and what was acknowledged is delivered once, in order', async () => {
  const [drained, other] = pods as [ServerProcess, ServerProcess];
  const room = freshRoom();
  const watcher = await chat.enter(room, freshUser('watcher'), { pod: 1 });
  const senders: Sender[] = [];
  for (const n of range(1, SENDERS)) senders.push(new Sender(await chat.enter(room, freshUser(`u${n}`)), `s${n}`));
  await until('everybody is acknowledged', () => senders.every(({ acknowledged }) => acknowledged.length > 20), 20_000);

  const [first, last] = [senders[0]!, senders.at(-1)!];
  const stopped = drained.stop();
  await until('the pod is not ready', async () => (await fetch(`${drained.httpUrl}/readyz`)).status === 503);
  expect((await fetch(`${other.httpUrl}/readyz`)).status).toBe(200);
  const refusal = await TestClient.refusal(`${drained.wsUrl}/ws/chat/${room}`, { token: chat.token('late') });
  expect([refusal.status, Number(refusal.headers['retry-after']) > 0]).toEqual([503, true]);

  await first.client.closed(30_000);
  const whenTheFirstHadGone = last.acknowledged.length;
  const closes = await Promise.all(senders.map(({ client }) => client.closed(30_000)));
  for (const close of closes) {
    expect(close).toEqual({ code: 1012, reason: expect.stringMatching(/^service_restart retry=\d+$/) });
  }
  expect(last.acknowledged.length).toBeGreaterThan(whenTheFirstHadGone);
  expect(await within('the process to end', stopped, 30_000)).toBe(0);

  const acknowledged = senders.flatMap((sender) => sender.acknowledged);
  const seen = new Set<unknown>();
  await until(
    'the watcher has seen what was acknowledged',
    () => {
      for (const { id } of storedIn(watcher, room)) seen.add(id);
      return acknowledged.every((id) => seen.has(id));
    },
    20_000,
  );
  const stored = storedIn(watcher, room);
  expect(stored.map(({ offset }) => offset)).toEqual(range(1, stored.length));
  expect(new Set(stored.map(({ id }) => id)).size).toBe(stored.length);
  for (const [i, { acknowledged: ids }] of senders.entries()) {
    const mine = stored.map(({ id }) => String(id)).filter((id) => id.startsWith(`s${i + 1}-`));
    expect(mine.slice(0, ids.length)).toEqual(ids);
    // Whatever was stored was also answered, before the close frame.
    expect(mine).toHaveLength(ids.length);
  }
});
