import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RealtimeHealth } from '../../src/index.js';
import type { AnyFrame, TestClient, TestServer } from '../../src/testing/index.js';
import { freshRoom, freshUser, heard, joinedIn, offsetsIn, partsOf, range, say, storedIn } from '../support/chat.js';
import { startPods } from '../support/pods.js';
import type { Pods } from '../support/pods.js';
import { RedisSentinel } from '../support/redis-sentinel.js';
import { until } from '../support/within.js';

jest.setTimeout(90_000);

let redis: RedisSentinel;
let pods: Pods;

beforeEach(async () => {
  redis = await RedisSentinel.start({ password: 'swordfish' });
  pods = await startPods(2, () => ({ redis: redis.url }), { messagesPerSecond: 0, positionCheckMs: 500 });
});
afterEach(async () => {
  await pods?.close();
  await redis?.stop();
});

/** Says it under one id until it is taken, as our client's outbox does. Gives the offset. */
async function insist(client: TestClient, text: string): Promise<number> {
  const id = randomUUID();
  let offset: unknown;
  await until(
    `"${text}" is taken`,
    async () => {
      const answer = await client.request({ type: 'message', text, id });
      if (answer.type === 'error') expect(answer).toMatchObject({ code: 'unavailable' });
      offset = answer['offset'];
      return answer.type === 'ack';
    },
    30_000,
  );
  return Number(offset);
}

/** Resolves when these processes have their Redis again. */
async function availableAgain(servers: readonly TestServer[]): Promise<void> {
  const isThere = async ({ app }: TestServer): Promise<boolean> =>
    (await app.get(RealtimeHealth, { strict: false }).check()).broker;
  await until('Redis is there again', async () => (await Promise.all(servers.map(isThere))).every(Boolean), 30_000);
}

const textsIn = (client: TestClient, room: string): unknown[] => storedIn(client, room).map((frame) => frame['text']);

describe('a master that is killed', () => {
  it('is replaced: who speaks meanwhile is heard by all, once, in order, and what was acknowledged is there', async () => {
    const room = freshRoom();
    const speaker = await pods.enter(room, freshUser(), { pod: 0 });
    const listener = await pods.enter(room, freshUser(), { pod: 1 });
    for (const n of range(1, 20)) await say(speaker, `before ${n}`);
    await heard(listener, 'before 20');
    await redis.replicated();
    const master = await redis.master();
    await master.kill();
    const during = Promise.all(range(1, 10).map((n) => insist(speaker, `during ${n}`)));
    await redis.replaced(master);
    const offsets = await during;
    expect([...offsets].sort((a, b) => a - b)).toEqual(range(21, 30));
    await say(speaker, 'after');
    for (const client of [speaker, listener]) {
      await heard(client, 'after');
      expect(offsetsIn(client, room)).toEqual(range(1, 31));
      expect(new Set(textsIn(client, room)).size).toBe(31);
      // Nobody lost anything, so nobody is told so; the numbering goes on under another epoch.
      const again = joinsOf(client, room);
      for (const frame of again.slice(1)) expect(frame).toMatchObject({ recovered: true });
    }
    // Each Sentinel tells of it, and the pods make their connections anew each time.
    await availableAgain(pods.pods.map(({ server }) => server));
    const { epoch } = partsOf(String(joinsOf(listener, room)[0]?.['cursor']));
    const { client, joined } = await pods.visit(room, freshUser(), { pod: 1, since: `${epoch}.10` });
    expect(joined).toMatchObject({ recovered: true });
    await heard(client, 'after');
    expect(offsetsIn(client, room)).toEqual(range(11, 31));
  });

  it('whose last frames no replica had: who saw them is told recovered false, nobody else is, and nothing wrong is shown', async () => {
    const room = freshRoom();
    const saw = await pods.visit(room, freshUser(), { pod: 0 });
    await say(saw.client, 'kept');
    const away = await pods.visit(room, freshUser(), { pod: 1 });
    const cursor = away.joined.cursor;
    away.client.destroy();
    await redis.replicated();
    const [master, replica] = [await redis.master(), await redis.replica()];
    replica.pause();
    await master.command('CLIENT', 'KILL', 'TYPE', 'replica');
    await say(saw.client, 'lost 1');
    await say(saw.client, 'lost 2');
    await heard(saw.client, 'lost 2');
    expect(offsetsIn(saw.client, room)).toEqual([1, 2, 3]);
    await master.kill();
    replica.resume();
    await redis.replaced(master);
    await availableAgain([pods.worker]);

    // A pod that never saw them publishes past the old top before anybody looked.
    for (const n of range(1, 5)) await pods.worker.realtime.to(`chat/${room}`).publish('message', { text: `new ${n}` });
    const told = await joinedIn(saw.client, room);
    expect(told).toMatchObject({ recovered: false });
    expect(partsOf(told.cursor).epoch).not.toBe(partsOf(saw.joined.cursor).epoch);
    await availableAgain(pods.pods.map(({ server }) => server));
    await pods.worker.realtime.to(`chat/${room}`).publish('message', { text: 'end' });
    await heard(saw.client, 'end');
    // Its numbering goes on from what the second joined said, without a hole.
    const since = storedIn(saw.client, room).slice(3);
    expect(since.map(({ offset }) => offset)).toEqual(range(partsOf(told.cursor).offset + 1, 7));

    const back = await pods.visit(room, freshUser(), { pod: 1, since: cursor });
    expect(back.joined).toMatchObject({ recovered: true });
    await heard(back.client, 'end');
    expect(textsIn(back.client, room)).toEqual([...range(1, 5).map((n) => `new ${n}`), 'end']);
    const late = await pods.visit(room, freshUser(), { pod: 1, since: `${partsOf(cursor).epoch}.3` });
    expect(late.joined).toMatchObject({ recovered: false });
  });
});

describe('a failover that an operator asks for', () => {
  it('costs nobody a frame, and members stay where they are', async () => {
    const room = freshRoom();
    const users = [freshUser(), freshUser()];
    const [speaker, listener] = await Promise.all([
      pods.enter(room, users[0], { pod: 0 }),
      pods.enter(room, users[1], { pod: 1 }),
    ]);
    await say(speaker, 'before');
    await heard(listener, 'before');
    await redis.replicated();
    await redis.failOver();
    await insist(speaker, 'after');
    await heard(listener, 'after');
    expect(offsetsIn(listener, room)).toEqual([1, 2]);
    const present = await speaker.request({ type: 'presence' });
    expect(present).toMatchObject({ type: 'presence', count: 2 });
    const others = listener.received.filter((frame) => frame.type === 'system' && frame['event'] === 'left');
    expect(others).toEqual([]);
  });
});

/** Each `joined` of a room that came, the first one first. */
function joinsOf(client: TestClient, room: string): AnyFrame[] {
  return client.received.filter((frame) => frame.type === 'joined' && frame.room === room);
}
