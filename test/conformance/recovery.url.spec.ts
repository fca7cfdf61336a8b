import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { JoinedFrame } from '../../src/protocol/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { freshRoom, freshUser, heard, offsetsIn, partsOf, range, say, sayMany, storedIn } from '../support/chat.js';
import { openChat } from '../support/chat-server.js';

describe('recovery, from outside', () => {
  let chat: Awaited<ReturnType<typeof openChat>>;

  beforeAll(async () => {
    chat = await openChat();
  });
  afterEach(() => chat.cleanUp());
  afterAll(() => chat.close());

  async function filled(count: number): Promise<{ alice: TestClient; room: string; at: (n: number) => string }> {
    const room = freshRoom();
    const { client: alice, joined } = await chat.visit(room, freshUser('alice'));
    await sayMany(alice, count);
    return { alice, room, at: (n) => `${partsOf(joined.cursor).epoch}.${n}` };
  }

  it.each([0, 1, 9, 19, 20])('RC1 resumes exactly after the cursor: %i of 20', async (seen) => {
    const { alice, room, at } = await filled(20);
    const { client: bob, joined } = await chat.visit(room, freshUser('bob'), { since: at(seen) });
    expect(joined).toMatchObject({ recovered: true, cursor: at(seen) });
    await say(alice, 'live');
    await heard(bob, 'live');
    expect(offsetsIn(bob, room)).toEqual(range(seen + 1, 21));
  });

  it('RC1 resumes rooms joined by frame exactly after their cursors', async () => {
    const rooms = [await filled(5), await filled(7)];
    const bob = await chat.lobby(freshUser('bob'));
    for (const [i, { room, at }] of rooms.entries()) {
      expect(await bob.request({ type: 'join', room, since: at(i + 2) })).toMatchObject({ recovered: true });
    }
    for (const [i, { alice, room }] of rooms.entries()) {
      await say(alice, `live ${room}`);
      await heard(bob, `live ${room}`);
      expect(offsetsIn(bob, room)).toEqual(range(i + 3, 6 + 2 * i));
    }
  });

  it('RC1 recovers what the connection itself had sent', async () => {
    const [room, sub] = [freshRoom(), freshUser()];
    const first = await chat.visit(room, sub);
    await sayMany(first.client, 3);
    first.client.destroy();
    const { client } = await chat.visit(room, sub, { since: first.joined.cursor });
    expect((await client.take(3, 'message')).map(({ offset }) => offset)).toEqual([1, 2, 3]);
  });

  it('RC1 recovers a room that everybody left', async () => {
    const { alice, room, at } = await filled(4);
    await alice.close();
    const { client: bob, joined } = await chat.visit(room, freshUser('bob'), { since: at(2) });
    expect(joined.recovered).toBe(true);
    expect((await bob.take(2, 'message')).map(({ offset }) => offset)).toEqual([3, 4]);
  });

  it('RC1 loses and repeats nothing at the seam while others go on writing', async () => {
    const { alice, room, at } = await filled(10);
    let writing = true;
    const storm = (async () => {
      for (let n = 1; writing && n <= 80; n += 1) await say(alice, `storm ${n}`);
    })();
    const visits = [];
    for (let i = 0; i < 15; i += 1)
      visits.push(await chat.visit(room, freshUser('bob'), { since: at(i % 10), pod: i }));
    writing = false;
    await storm;
    const { offset: last } = await say(alice, 'marker');
    for (const [i, { client, joined }] of visits.entries()) {
      await heard(client, 'marker');
      expect(joined).toMatchObject({ recovered: true, cursor: at(i % 10) });
      expect(offsetsIn(client, room)).toEqual(range((i % 10) + 1, last ?? 0));
    }
  });

  it.each([
    ['malformed', () => 'garbage'],
    ['empty', () => ''],
    ['without an offset', (at: (n: number) => string) => at(0).replace(/\.0$/, '.')],
    ['without an epoch', () => '.3'],
    ['negative', (at: (n: number) => string) => at(-1)],
    ['fractional', (at: (n: number) => string) => `${at(1)}.5`],
    ['with a leading zero', (at: (n: number) => string) => at(0).replace(/0$/, '01')],
    ['beyond every number', (at: (n: number) => string) => at(0).replace(/0$/, '9'.repeat(40))],
    ['future by one', (at: (n: number) => string) => at(6)],
    ['far in the future', (at: (n: number) => string) => at(1_000_000)],
    ['of an epoch that never was', () => 'nowhere.3'],
    ['of an epoch that is too long', () => `${'e'.repeat(33)}.3`],
  ])('RC2 sends nothing of the gap for a cursor that is %s', async (_title, since) => {
    const { alice, room, at } = await filled(5);
    const { client: bob, joined } = await chat.visit(room, freshUser('bob'), { since: since(at) });
    expect(joined).toMatchObject({ recovered: false, cursor: at(5) });
    await say(alice, 'live');
    await heard(bob, 'live');
    expect(offsetsIn(bob, room)).toEqual([6]);
  });

  it('RC2 does not take the cursor of another room', async () => {
    const [one, two] = [await filled(3), await filled(3)];
    const { joined } = await chat.visit(two.room, freshUser('bob'), { since: one.at(1) });
    expect(joined.recovered).toBe(false);
  });

  it.each([[7], [null], [{}], [['e.1']], [true]])('RC2 takes %j by frame for a malformed cursor', async (since) => {
    const { alice, room, at } = await filled(3);
    const bob = await chat.lobby(freshUser('bob'));
    expect(await bob.request({ type: 'join', room, since })).toMatchObject({ recovered: false, cursor: at(3) });
    await say(alice, 'live');
    await heard(bob, 'live');
    expect(offsetsIn(bob, room)).toEqual([4]);
  });

  it('RC6 lets a client build its cursor from joined and the stored frames after it, across many cuts', async () => {
    const { alice, room, at } = await filled(3);
    const seen: number[] = [];
    let cursor = at(0);
    for (let turn = 0; turn < 8; turn += 1) {
      await sayMany(alice, 2);
      const { client, joined } = await chat.visit(room, freshUser('bob'), { since: cursor, pod: turn });
      expect((joined satisfies JoinedFrame).recovered).toBe(true);
      cursor = joined.cursor;
      for (const frame of await client.take(turn % 3, 'message')) {
        expect(frame.offset).toBe(partsOf(cursor).offset + 1);
        seen.push(frame.offset ?? 0);
        cursor = at(frame.offset ?? 0);
      }
      client.destroy();
    }
    expect(seen).toEqual(range(1, seen.length));
  });

  it('RC6 replaces the offset, downwards as well, where it was not recovered', async () => {
    const { alice, room, at } = await filled(2);
    const { client: bob, joined } = await chat.visit(room, freshUser('bob'), { since: at(900) });
    expect(joined).toMatchObject({ recovered: false, cursor: at(2) });
    await say(alice, 'next');
    expect((await heard(bob, 'next')).offset).toBe(3);
    const again = await chat.visit(room, freshUser('bob'), { since: at(3) });
    expect(again.joined).toMatchObject({ recovered: true, cursor: at(3) });
  });

  it('RC6 keeps the ids of frames through recovery, so that a client can tell doubles', async () => {
    const { alice, room, at } = await filled(0);
    const { offset } = await say(alice, 'hi', { id: 'an-id' });
    const { client: bob } = await chat.visit(room, freshUser('bob'), { since: at(0) });
    await heard(bob, 'hi');
    expect(storedIn(bob, room)).toMatchObject([{ id: 'an-id', offset, userId: expect.any(String) }]);
  });
});
