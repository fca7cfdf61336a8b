import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { HandshakeRefusedError, TestClient } from '../../src/testing/index.js';
import { freshRoom, freshUser, range } from '../support/chat.js';
import { PodsOnRedis } from '../support/pods-on-redis.js';
import { until, within } from '../support/within.js';

// What is swallowed is noticed after some seconds, on each connection.
jest.setTimeout(120_000);

/** A command's time, and what a busy machine takes. */
const BOUND_MS = 15_000;

/** The first pod's way to Redis is the one that is cut. */
let there: PodsOnRedis;

async function start(): Promise<void> {
  there = await PodsOnRedis.start({ persistent: true, proxied: 1, options: { leaveGraceMs: 60_000 } });
}

afterEach(() => there.close());

/** How a pod answers a handshake now: 101, or the status of the refusal. */
async function handshake(pod: number): Promise<number> {
  try {
    const client = await TestClient.connect(`${there.pods.urlOf(pod)}/ws/chat`, {
      token: there.pods.token(freshUser()),
    });
    client.destroy();
    return 101;
  } catch (error) {
    if (error instanceof HandshakeRefusedError) return error.refusal.status;
    throw error;
  }
}

const handshakeIs = (pod: number, status: number): Promise<void> =>
  until(`pod ${pod} answers a handshake with ${status}`, async () => (await handshake(pod)) === status, 30_000);

describe.each([
  {
    what: 'stands still',
    away: () => Promise.resolve(there.redis.pause()),
    back: () => Promise.resolve(there.redis.resume()),
  },
  { what: 'is killed', away: () => there.redis.kill(), back: () => there.redis.restart() },
])('a Redis that $what', ({ away, back }) => {
  it('is waited for a bounded time; handshakes are refused with 503; afterwards everything goes on, nothing missing, nothing twice', async () => {
    await start();
    const room = freshRoom();
    const [one, other] = [await there.enter(room, 0), await there.enter(room, 1)];
    const raw = await there.pods.enter(room, freshUser(), { pod: 1 });
    for (const n of range(1, 5)) await one.say(`before ${n}`);
    await away();
    const saying = range(1, 10).map((n) => (n % 2 === 0 ? one : other).say(`during ${n}`));
    const frame = { type: 'message', text: 'raw', id: 'raw' };
    const answer = await within('the answer to a publish', raw.request(frame, BOUND_MS), BOUND_MS);
    expect(answer).toMatchObject({ type: 'error', id: 'raw', code: 'unavailable' });
    for (const pod of [0, 1]) await handshakeIs(pod, 503);
    // Known to be away, it is not waited for at all.
    expect(await raw.request({ ...frame, id: 'raw again' })).toMatchObject({ code: 'unavailable' });
    await back();
    for (const pod of [0, 1]) await handshakeIs(pod, 101);
    await Promise.all(saying);
    await until('the same frame is taken', async () => (await raw.request(frame)).type === 'ack', 30_000);
    const last = await one.say('after');
    for (const client of [one, other]) {
      await client.heard('after');
      expect(client.offsets).toEqual(range(1, last));
      const wanted = [...range(1, 5).map((n) => `before ${n}`), ...range(1, 10).map((n) => `during ${n}`), 'after'];
      // `raw again` was refused at once: it was never sent. `raw` may have been stored when it was given up, once.
      expect([...client.texts].sort()).toEqual([...wanted, 'raw'].sort());
      for (const side of [0, 1]) {
        const own = range(1, 10).filter((n) => n % 2 === side);
        expect(client.texts.filter((text) => own.some((n) => text === `during ${n}`))).toEqual(
          own.map((n) => `during ${n}`),
        );
      }
      expect(client.gaps).toEqual([]);
    }
  });
});

describe.each([
  { how: 'refused', cut: () => there.proxy.block() },
  { how: 'swallowed', cut: () => there.proxy.swallow() },
])('one pod whose way to Redis is $how while another goes on', ({ cut }) => {
  it('refuses handshakes with 503; its members get everything afterwards, in order, once, and what they said is stored once', async () => {
    await start();
    const room = freshRoom();
    const [cutOff, free] = [await there.enter(room, 0), await there.enter(room, 1)];
    for (const n of range(1, 5)) await free.say(`before ${n}`);
    await cutOff.heard('before 5');
    cut();
    const saying = range(1, 5).map((n) => cutOff.say(`from the cut pod ${n}`));
    for (const n of range(1, 50)) await free.say(`meanwhile ${n}`);
    await handshakeIs(0, 503);
    expect(await handshake(1)).toBe(101);
    for (const n of range(51, 100)) await free.say(`meanwhile ${n}`);
    expect(cutOff.texts).toEqual(range(1, 5).map((n) => `before ${n}`));
    there.proxy.mend();
    await handshakeIs(0, 101);
    const offsets = await Promise.all(saying);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    await free.say('after');
    for (const client of [cutOff, free]) {
      await client.heard('after');
      expect(client.offsets).toEqual(range(1, 111));
      expect(new Set(client.texts).size).toBe(111);
      expect(client.gaps).toEqual([]);
    }
  });
});
