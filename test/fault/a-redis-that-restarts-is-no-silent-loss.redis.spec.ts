import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { RealtimeHealth } from '../../src/index.js';
import type { TestServer } from '../../src/testing/index.js';
import { freshRoom, freshUser, heard, partsOf, range, storedIn } from '../support/chat.js';
import { PodsOnRedis } from '../support/pods-on-redis.js';
import { until } from '../support/within.js';

jest.setTimeout(90_000);

/** Both pods' way to Redis is cut at once; the worker has one of its own. */
let there: PodsOnRedis;

async function start({ persistent }: { persistent: boolean }): Promise<void> {
  there = await PodsOnRedis.start({ persistent, proxied: 2 });
}

afterEach(() => there.close());

async function available(server: TestServer): Promise<void> {
  const health = server.app.get(RealtimeHealth, { strict: false });
  await until('Redis is there', async () => (await health.check()).broker, 30_000);
}

/** The worker says it, without a look at the room before. */
async function announce(room: string, text: string): Promise<void> {
  await there.pods.worker.realtime.to(`chat/${room}`).publish('message', { text });
}

it('with its data: everybody goes on where he was, those who were away too, and what was said meanwhile is stored once', async () => {
  await start({ persistent: true });
  const room = freshRoom();
  const [speaker, listener] = [await there.enter(room, 0), await there.enter(room, 1)];
  const away = await there.pods.visit(room, freshUser(), { pod: 1 });
  away.client.destroy();
  for (const n of range(1, 20)) await speaker.say(`before ${n}`);
  await there.redis.kill();
  const saying = range(1, 20).map((n) => (n % 2 === 0 ? speaker : listener).say(`during ${n}`));
  await there.redis.restart();
  expect((await Promise.all(saying)).sort((a, b) => a - b)).toEqual(range(21, 40));
  await speaker.say('after');
  for (const client of [speaker, listener]) {
    await client.heard('after');
    expect(client.offsets).toEqual(range(1, 41));
    expect(new Set(client.texts).size).toBe(41);
    expect(client.gaps).toEqual([]);
  }
  const back = await there.pods.visit(room, freshUser(), { since: away.joined.cursor });
  expect(back.joined).toMatchObject({ recovered: true, cursor: expect.stringMatching(/\.0$/) });
  await heard(back.client, 'after');
  expect(storedIn(back.client, room).map(({ offset }) => offset)).toEqual(range(1, 41));
});

describe('without its data', () => {
  it('everybody is told of the gap, once, and numbering begins anew; who comes later is told of none', async () => {
    await start({ persistent: false });
    const room = freshRoom();
    const [speaker, listener] = [await there.enter(room, 0), await there.enter(room, 1)];
    for (const n of range(1, 20)) await speaker.say(`before ${n}`);
    await listener.heard('before 20');
    await there.redis.kill();
    const saying = range(1, 10).map((n) => speaker.say(`during ${n}`));
    await there.redis.restart();
    expect(await Promise.all(saying)).toEqual(range(1, 10));
    await speaker.say('after');
    const late = await there.enter(room, 1);
    await speaker.say('the end');
    for (const client of [speaker, listener]) {
      await client.heard('the end');
      expect(client.gaps).toHaveLength(1);
      // Of what was said before it was told, it is told nothing: the gap says so.
      const from = partsOf(client.gaps[0]?.cursor ?? '').offset;
      expect(client.offsets).toEqual([...range(1, 20), ...range(from + 1, 12)]);
      expect(new Set(client.texts).size).toBe(client.seen.length);
    }
    await late.heard('the end');
    expect(late.gaps).toEqual([]);
  });

  it('a pod that publishes past the old top before anybody looked deceives nobody', async () => {
    await start({ persistent: false });
    const room = freshRoom();
    const members = [await there.enter(room, 0), await there.enter(room, 1)];
    for (const n of range(1, 5)) await members[0]!.say(`before ${n}`);
    await members[1]!.heard('before 5');
    there.proxy.block();
    await there.redis.kill();
    await there.redis.restart();
    await available(there.pods.worker);
    for (const n of range(1, 10)) await announce(room, `new ${n}`);
    there.proxy.mend();
    for (const member of members) {
      await until('it is told', () => member.gaps.length > 0, 30_000);
      expect(member.offsets.slice(5)).toEqual([]);
    }
    await announce(room, 'the end');
    for (const member of members) {
      await member.heard('the end');
      expect(member.gaps).toHaveLength(1);
      expect(member.seen.slice(5)).toEqual([{ offset: 11, text: 'the end' }]);
    }
  });
});

describe('with data that is a little old', () => {
  it('who saw what was lost is told of the gap, nobody else is, although a pod published past the old top before anybody looked', async () => {
    await start({ persistent: false });
    const [saw, sawNothing] = [freshRoom(), freshRoom()];
    const members = [await there.enter(saw, 0), await there.enter(saw, 1)];
    const others = [await there.enter(sawNothing, 0), await there.enter(sawNothing, 1)];
    const away = await there.pods.visit(saw, freshUser(), { pod: 1 });
    away.client.destroy();
    for (const where of [saw, sawNothing]) for (const n of range(1, 3)) await announce(where, `kept ${n}`);
    for (const member of [...members, ...others]) await member.heard('kept 3');
    await there.redis.command('SAVE');
    for (const n of range(1, 4)) await announce(saw, `lost ${n}`);
    for (const member of members) await member.heard('lost 4');
    there.proxy.block();
    await there.redis.kill();
    await there.redis.restart();
    await available(there.pods.worker);
    for (const where of [saw, sawNothing]) for (const n of range(1, 9)) await announce(where, `new ${n}`);
    there.proxy.mend();
    for (const member of members) await until('it is told', () => member.gaps.length > 0, 30_000);
    for (const where of [saw, sawNothing]) await announce(where, 'the end');

    for (const member of members) {
      await member.heard('the end');
      expect(member.gaps).toHaveLength(1);
      expect(member.offsets.slice(0, 7)).toEqual(range(1, 7));
      const from = partsOf(member.gaps[0]?.cursor ?? '').offset;
      expect(member.offsets.slice(7)).toEqual(range(from + 1, 13));
    }
    const all = [...range(1, 3).map((n) => `kept ${n}`), ...range(1, 9).map((n) => `new ${n}`), 'the end'];
    for (const other of others) {
      await other.heard('the end');
      expect(other.gaps).toEqual([]);
      expect(other.texts).toEqual(all);
    }
    const back = await there.pods.visit(saw, freshUser(), { pod: 1, since: away.joined.cursor });
    expect(back.joined).toMatchObject({ recovered: true });
    await heard(back.client, 'the end');
    expect(storedIn(back.client, saw).map((frame) => frame['text'])).toEqual(all);
    const { epoch } = partsOf(away.joined.cursor);
    for (const [offset, recovered] of [
      [3, true],
      [4, false],
      [7, false],
    ] as const) {
      const { joined } = await there.pods.visit(saw, freshUser(), { since: `${epoch}.${offset}` });
      expect(joined).toMatchObject({ recovered });
    }
  });
});
