import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AppClient } from '../support/app-client.js';
import { freshRoom, freshUser, range, say } from '../support/chat.js';
import { startPods } from '../support/pods.js';
import type { Pods } from '../support/pods.js';
import { RedisProcess } from '../support/redis-process.js';
import { until } from '../support/within.js';

jest.setTimeout(90_000);

let redis: RedisProcess;
let pods: Pods;
const clients: AppClient[] = [];

beforeEach(async () => {
  redis = await RedisProcess.start();
  pods = await startPods(2, () => ({ redis: redis.url }), { messagesPerSecond: 0, positionCheckMs: 500 });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await pods?.close();
  await redis?.stop();
});

async function enter(room: string, pod: number): Promise<AppClient> {
  const client = await AppClient.enter(pods, room, freshUser(), pod);
  clients.push(client);
  return client;
}

const set = (name: string, value: string) => (): Promise<unknown> => redis.command('CONFIG', 'SET', name, value);

/** A closed port: it waits for its master, and has what it had. */
const NOWHERE = '1';

describe.each([
  {
    what: 'is out of memory',
    refuses: 'OOM',
    break: set('maxmemory', '1'),
    mend: set('maxmemory', '0'),
  },
  {
    what: 'has too few replicas to write',
    refuses: 'NOREPLICAS',
    break: set('min-replicas-to-write', '1'),
    mend: set('min-replicas-to-write', '0'),
  },
  {
    what: 'was made a replica',
    refuses: 'READONLY',
    break: () => redis.command('REPLICAOF', '127.0.0.1', NOWHERE),
    mend: () => redis.command('REPLICAOF', 'NO', 'ONE'),
  },
])('while Redis $what', ({ refuses, break: breakIt, mend }) => {
  it('a publish is refused with unavailable, history is read, and what clients say is stored once, in order, afterwards', async () => {
    const room = freshRoom();
    const [speaker, listener] = [await enter(room, 0), await enter(room, 1)];
    const raw = await pods.enter(room, freshUser(), { pod: 1 });
    for (const n of range(1, 5)) await speaker.say(`before ${n}`);

    await breakIt();
    await expect(redis.command('XADD', 'another', '*', 'a', 'b')).rejects.toThrow(refuses);
    expect(await raw.request({ type: 'message', text: 'refused', id: 'r' })).toMatchObject({
      type: 'error',
      id: 'r',
      code: 'unavailable',
    });
    const saying = range(1, 20).map((n) => (n % 2 === 0 ? speaker : listener).say(`during ${n}`));
    // Whoever refuses to write may have its connection made anew; whoever asks then asks again.
    await until('history is read', async () => {
      const page = await raw.request({ type: 'history', room });
      return page.type === 'history' && (page['frames'] as unknown[]).length === 5;
    });
    expect(await raw.request({ type: 'message', text: 'refused', id: 'r' })).toMatchObject({ code: 'unavailable' });

    await mend();
    const offsets = await Promise.all(saying);
    for (const side of [0, 1]) {
      const own = offsets.filter((_, i) => i % 2 === side);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
    expect([...offsets].sort((a, b) => a - b)).toEqual(range(6, 25));
    expect(await say(raw, 'after')).toMatchObject({ offset: 26 });
    for (const client of [speaker, listener]) {
      await client.heard('after');
      expect(client.offsets).toEqual(range(1, 26));
      expect(new Set(client.texts).size).toBe(26);
      expect(client.texts).not.toContain('refused');
      expect(client.gaps).toEqual([]);
    }
  });
});
