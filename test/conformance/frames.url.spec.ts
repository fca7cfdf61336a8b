import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { JoinedFrame, SystemFrame } from '../../src/protocol/index.js';
import type { AnyFrame, TestClient } from '../../src/testing/index.js';
import { freshRoom, freshUser, heard, joinedIn, named, partsOf, range, say, sayMany } from '../support/chat.js';
import { openChat } from '../support/chat-server.js';
import { mint } from '../support/tokens.js';

const ANSWERS = ['ack', 'error', 'joined', 'left', 'history', 'presence', 'pong'];
const ISO_UTC = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

describe('frames from the server, from outside', () => {
  let chat: Awaited<ReturnType<typeof openChat>>;

  beforeAll(async () => {
    chat = await openChat();
  });
  afterEach(() => chat.cleanUp());
  afterAll(() => chat.close());

  function systemOf(client: TestClient, event: string, userId: string): Promise<SystemFrame> {
    const match = (frame: AnyFrame): boolean =>
      frame.type === 'system' && frame['event'] === event && frame['userId'] === userId;
    return client.next<SystemFrame>(named(`system ${event} of ${userId}`, match));
  }

  const answersTo = (client: TestClient, id: string): AnyFrame[] =>
    client.received.filter((frame) => frame.id === id && ANSWERS.includes(frame.type));

  describe('welcome', () => {
    it('FR1 comes first and says all that it must', async () => {
      const sub = freshUser('alice');
      const exp = Math.floor(Date.now() / 1000) + 3_600;
      const client = await chat.connect(freshRoom(), undefined, {
        token: mint(chat.secret, { sub, name: 'Alice', exp }),
      });
      expect(await client.nextFrame()).toEqual({
        type: 'welcome',
        connection: expect.any(String),
        user: { id: sub, name: 'Alice' },
        heartbeatMs: expect.any(Number),
        maxFrameBytes: expect.any(Number),
        dedupeTtlMs: expect.any(Number),
        limits: { framesPerSecond: expect.any(Number), burst: expect.any(Number), rooms: expect.any(Number) },
        expiresAt: exp * 1000,
      });
    });

    it('FR1 names each connection, also of one user, by an id of its own', async () => {
      const sub = freshUser();
      const [one, two] = [await chat.visit(freshRoom(), sub), await chat.visit(freshRoom(), sub)];
      expect(one.welcome.connection).not.toBe(two.welcome.connection);
      expect(one.welcome.connection).not.toBe('');
    });

    it('FR1 comes once', async () => {
      const client = await chat.enter(freshRoom(), freshUser());
      await client.expectNone('welcome');
    });

    it('FR1 loses none of the frames that a client sends before the welcome', async () => {
      const client = await chat.connect(freshRoom(), freshUser());
      const ids = range(1, 10).map(() => randomUUID());
      for (const [i, id] of ids.entries()) client.send({ type: 'message', id, text: String(i) });
      const answers = await Promise.all(ids.map((id) => client.answer(id)));
      expect(answers.map(({ type, offset }) => [type, offset])).toEqual(range(1, 10).map((offset) => ['ack', offset]));
      expect(client.received[0]?.type).toBe('welcome');
    });
  });

  describe('joined', () => {
    it('FR2 follows the welcome, with room, cursor and members, without id and recovered', async () => {
      const room = freshRoom();
      const { joined } = await chat.visit(room, freshUser());
      expect(joined).toEqual({
        type: 'joined',
        room,
        cursor: expect.stringMatching(/^[A-Za-z0-9_-]{1,32}\.0$/),
        members: 1,
      });
    });

    it('FR2 carries the id of the join', async () => {
      const client = await chat.lobby(freshUser());
      const room = freshRoom();
      expect(await client.request({ type: 'join', id: 'j1', room })).toEqual({
        type: 'joined',
        id: 'j1',
        room,
        cursor: expect.any(String),
        members: 1,
      });
    });

    it('FR2 gives an empty room an epoch that stays', async () => {
      const room = freshRoom();
      const first = await chat.visit(room, freshUser());
      const second = await chat.visit(room, freshUser());
      expect(second.joined.cursor).toBe(first.joined.cursor);
      const { client } = second;
      await say(client, 'hi');
      const third = await chat.visit(room, freshUser());
      expect(partsOf(third.joined.cursor)).toEqual({ epoch: partsOf(first.joined.cursor).epoch, offset: 1 });
    });

    it('FR2 has the cursor at the top, so that the next stored frame is its offset + 1', async () => {
      const room = freshRoom();
      const alice = await chat.enter(room, freshUser('alice'));
      await sayMany(alice, 3);
      const { client: bob, joined } = await chat.visit(room, freshUser('bob'));
      expect(partsOf(joined.cursor).offset).toBe(3);
      await say(alice, 'four');
      expect((await bob.next('message')).offset).toBe(4);
    });

    it('FR2 has the cursor at the since that was given where it recovered', async () => {
      const room = freshRoom();
      const { client: alice, joined } = await chat.visit(room, freshUser('alice'));
      await sayMany(alice, 3);
      const since = `${partsOf(joined.cursor).epoch}.1`;
      const bob = await chat.visit(room, freshUser('bob'), { since });
      expect(bob.joined).toMatchObject({ recovered: true, cursor: since });
      const second = await chat.lobby(freshUser('carol'));
      expect(await second.request({ type: 'join', room, since })).toMatchObject({ recovered: true, cursor: since });
    });

    it('FR2 has the cursor at the top where it did not recover', async () => {
      const room = freshRoom();
      const { client: alice, joined } = await chat.visit(room, freshUser('alice'));
      await sayMany(alice, 3);
      const bob = await chat.visit(room, freshUser('bob'), { since: 'nowhere.1' });
      expect(bob.joined).toMatchObject({ recovered: false, cursor: `${partsOf(joined.cursor).epoch}.3` });
    });

    it('FR2 comes before the frames that were asked for, and those before anything newer', async () => {
      const room = freshRoom();
      const { client: alice, joined } = await chat.visit(room, freshUser('alice'));
      await sayMany(alice, 5);
      const bob = await chat.connect(room, freshUser('bob'), { since: joined.cursor });
      await say(alice, 'newer');
      await heard(bob, 'newer');
      const ofRoom = bob.received.filter((frame) => frame.room === room && frame.type !== 'system');
      expect(ofRoom[0]?.type).toBe('joined');
      expect(ofRoom.slice(1).map(({ offset }) => offset)).toEqual(range(1, 6));
    });

    it('FR2 counts users, not connections', async () => {
      const room = freshRoom();
      const sub = freshUser();
      expect((await chat.visit(room, sub)).joined.members).toBe(1);
      expect((await chat.visit(room, sub)).joined.members).toBe(1);
      expect((await chat.visit(room, freshUser())).joined.members).toBe(2);
    });
  });

  describe('frames of the application', () => {
    it('FR3 carries type, room, id, offset, user, userId, timestamp and the payload, and nothing else', async () => {
      const room = freshRoom();
      const sub = freshUser('alice');
      const client = await chat.enter(room, sub);
      const id = randomUUID();
      await say(client, 'hi', { id });
      const frame = await client.next('message');
      expect(frame).toEqual({
        type: 'message',
        room,
        id,
        offset: 1,
        user: 'alice',
        userId: sub,
        text: 'hi',
        timestamp: expect.stringMatching(ISO_UTC),
      });
      expect(Math.abs(Date.parse(frame.timestamp) - Date.now())).toBeLessThan(60_000);
    });

    it('FR3 takes none of the reserved fields from the client', async () => {
      const room = freshRoom();
      const sub = freshUser('alice');
      const client = await chat.enter(room, sub);
      await say(client, 'hi', { user: 'mallory', userId: 'm', offset: 99, timestamp: 'never', room });
      expect(await client.next('message')).toMatchObject({
        user: 'alice',
        userId: sub,
        offset: 1,
        timestamp: expect.stringMatching(ISO_UTC),
      });
    });

    it('FR3 takes none of the reserved fields out of an envelope either', async () => {
      const room = freshRoom();
      const sub = freshUser('alice');
      const client = await chat.enter(room, sub);
      client.send({ event: 'message', data: { text: 'hi', user: 'mallory', userId: 'm', offset: 99, type: 'system' } });
      expect(await heard(client, 'hi')).toMatchObject({ type: 'message', user: 'alice', userId: sub, offset: 1, room });
    });

    it('FR6 gives every member the same bytes, the sender too', async () => {
      const room = freshRoom();
      const clients = [
        await chat.enter(room, freshUser()),
        await chat.enter(room, freshUser(), { tokenBy: 'subprotocol' }),
        await chat.enter(room, freshUser(), { tokenBy: 'query', pod: 1 }),
        await chat.lobby(freshUser()),
      ];
      await clients[3]!.request({ type: 'join', room });
      for (const text of ['plain', 'ünïcödé 🎉 \u2028', '"quotes" \\ and \n lines', 'x'.repeat(1_000)]) {
        await say(clients[0]!, text);
        const texts = await Promise.all(clients.map(async (client) => client.textOf(await heard(client, text))));
        expect(new Set(texts).size).toBe(1);
      }
    });

    it('FR6 gives a member who recovers the bytes that the others had live', async () => {
      const room = freshRoom();
      const { client: alice, joined } = await chat.visit(room, freshUser('alice'));
      await say(alice, 'ünïcödé 🎉', { id: 'an-id' });
      const live = alice.textOf(await alice.next('message'));
      const bob = await chat.enter(room, freshUser('bob'), { since: joined.cursor });
      expect(bob.textOf(await bob.next('message'))).toBe(live);
    });
  });

  describe('system', () => {
    it('FR4 tells who came and who left', async () => {
      const room = freshRoom();
      const [aliceId, bobId] = [freshUser('alice'), freshUser('bob')];
      const alice = await chat.enter(room, aliceId);
      const bob = await chat.enter(room, bobId);
      const common = {
        type: 'system',
        room,
        user: 'bob',
        userId: bobId,
        text: expect.stringContaining('bob'),
        timestamp: expect.stringMatching(ISO_UTC),
      };
      expect(await systemOf(alice, 'joined', bobId)).toEqual({ ...common, event: 'joined', members: 2 });
      await bob.request({ type: 'leave', room });
      expect(await systemOf(alice, 'left', bobId)).toEqual({ ...common, event: 'left', members: 1, text: 'bob left' });
    });

    it('FR4 is not stored and takes no offset', async () => {
      const room = freshRoom();
      const { client: alice, joined } = await chat.visit(room, freshUser('alice'));
      const bobId = freshUser('bob');
      const bob = await chat.enter(room, bobId);
      await bob.request({ type: 'leave', room });
      await systemOf(alice, 'left', bobId);
      expect((await say(alice, 'first')).offset).toBe(1);
      const history = await alice.request<{ frames: AnyFrame[] }>({ type: 'history' });
      expect(history.frames.map(({ type }) => type)).toEqual(['message']);
      const carol = await chat.enter(room, freshUser('carol'), { since: joined.cursor });
      await heard(carol, 'first');
      expect(carol.received.filter((frame) => frame['userId'] === bobId)).toEqual([]);
    });
  });

  describe('answers', () => {
    it.each([
      ['message', { type: 'message', text: 'hi' }, 'ack'],
      ['a bare message', { text: 'hi' }, 'ack'],
      ['join', { type: 'join', room: freshRoom() }, 'joined'],
      ['join of the room one is in', { type: 'join' }, 'joined'],
      ['join of no room', { type: 'join', room: '@x' }, 'error'],
      ['leave', { type: 'leave' }, 'left'],
      ['leave of a room one is not in', { type: 'leave', room: freshRoom() }, 'error'],
      ['history', { type: 'history' }, 'history'],
      ['history of a room one is not in', { type: 'history', room: freshRoom() }, 'error'],
      ['presence', { type: 'presence' }, 'presence'],
      ['ping', { type: 'ping' }, 'pong'],
      ['a type that nobody knows', { type: 'no-such-type' }, 'error'],
      ['an invalid payload', { type: 'message', text: 42 }, 'error'],
      ['a bad token', { type: 'auth', token: 'garbage' }, 'error'],
      ['auth without a token', { type: 'auth' }, 'error'],
      ['a type that is none', { type: 7 }, 'error'],
    ])('FR5 answers %s exactly once, with its id', async (_title, frame, type) => {
      const room = freshRoom();
      const client = await chat.enter(room, freshUser());
      const id = randomUUID();
      const needsRoom = 'type' in frame && (frame.type === 'join' || frame.type === 'leave');
      expect(await client.request({ ...(needsRoom ? { room } : {}), ...frame, id })).toMatchObject({ type, id });
      await client.roundTrip();
      expect(answersTo(client, id)).toHaveLength(1);
    });

    it('FR5 acknowledges a publish with id and offset alone', async () => {
      const client = await chat.enter(freshRoom(), freshUser());
      expect(await say(client, 'hi', { id: 'm1' })).toEqual({ type: 'ack', id: 'm1', offset: 1 });
      expect(await say(client, 'hi', { id: 'm2' })).toEqual({ type: 'ack', id: 'm2', offset: 2 });
    });

    it('FR5 means by an ack of a publish that the broker has it', async () => {
      const room = freshRoom();
      const { client: alice, joined } = await chat.visit(room, freshUser('alice'));
      const { offset } = await say(alice, 'hi');
      alice.destroy();
      const bob = await chat.enter(room, freshUser('bob'), { since: joined.cursor });
      expect((await heard(bob, 'hi')).offset).toBe(offset);
    });

    it('FR5 acknowledges nothing where there was no id', async () => {
      const client = await chat.enter(freshRoom(), freshUser());
      client.send({ type: 'message', text: 'hi' });
      await heard(client, 'hi');
      await client.expectNone('ack');
    });

    it('FR5 sends errors also where there was no id, and then without one', async () => {
      const client = await chat.enter(freshRoom(), freshUser());
      client.send({ type: 'no-such-type' });
      const error = await client.next('error');
      expect(error).toMatchObject({ code: 'unknown_type', message: expect.any(String) });
      expect(error).not.toHaveProperty('id');
    });

    it('FR5 gives the sender its own frame like every member', async () => {
      const client = await chat.enter(freshRoom(), freshUser());
      const { offset } = await say(client, 'hi', { id: 'mine' });
      expect(await heard(client, 'hi')).toMatchObject({ id: 'mine', offset });
    });
  });

  describe('what nobody knows', () => {
    it('FR8 ignores fields that it does not know', async () => {
      const [room, other] = [freshRoom(), freshRoom()];
      const client = await chat.enter(room, freshUser());
      const odd = { colour: 'green', nested: { type: 'leave', list: [1, null] }, since2: 'x' };
      expect((await client.request({ type: 'join', room: other, ...odd })).type).toBe('joined');
      expect((await client.request({ type: 'history', ...odd })).type).toBe('history');
      expect((await client.request({ type: 'presence', ...odd })).type).toBe('presence');
      expect((await client.request({ type: 'ping', ...odd })).type).toBe('pong');
      expect((await client.request({ type: 'leave', room: other, ...odd })).type).toBe('left');
    });

    it('FR8 ignores parts of the query that it does not know', async () => {
      const { joined } = await chat.visit(freshRoom(), freshUser(), { query: { colour: 'green', room: 'other' } });
      expect((joined satisfies JoinedFrame).members).toBe(1);
    });

    it('FR8 welcomes whoever says a field that a later version might have', async () => {
      const room = freshRoom();
      const client = await chat.connect(room, freshUser(), {
        query: { version: '9' },
        protocols: ['rookery.v1', 'rookery.v9'],
      });
      expect(client.protocol).toBe('rookery.v1');
      await joinedIn(client, room);
    });
  });
});
