import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ErrorFrame } from '../../src/protocol/index.js';
import { TestClient } from '../../src/testing/index.js';
import { freshRoom, freshUser, heard, named, offsetsIn, range, say, sayMany } from '../support/chat.js';
import { openChat } from '../support/chat-server.js';

describe('frames from the client, from outside', () => {
  let chat: Awaited<ReturnType<typeof openChat>>;

  beforeAll(async () => {
    chat = await openChat();
  });
  afterEach(() => chat.cleanUp());
  afterAll(() => chat.close());

  const enter = (): Promise<TestClient> => chat.enter(freshRoom(), freshUser());

  describe('types', () => {
    it('CL1 takes a frame without a type as message', async () => {
      const client = await enter();
      client.sendText('{"text":"hi"}');
      expect((await heard(client, 'hi')).type).toBe('message');
    });

    it("CL1 understands Nest's envelope: data is the body", async () => {
      const client = await enter();
      expect(await client.request({ event: 'message', data: { text: 'hi' } })).toMatchObject({
        type: 'ack',
        offset: 1,
      });
      expect(await heard(client, 'hi')).toMatchObject({ type: 'message', text: 'hi' });
      expect(await client.request({ event: 'no-such-type', data: {} })).toMatchObject({ code: 'unknown_type' });
    });

    it('CL1 takes type before event where both stand', async () => {
      const client = await enter();
      await client.request({ type: 'message', event: 'no-such-type', text: 'hi' });
      await heard(client, 'hi');
    });

    it.each(['welcome', 'joined', 'left', 'system', 'ack', 'error'])(
      "CL1 has no handler for %s, which is the server's",
      async (type) => {
        const client = await enter();
        expect(await client.request({ type, text: 'hi' })).toMatchObject({ type: 'error', code: 'unknown_type' });
      },
    );

    it.each(['toString', 'constructor', '__proto__', 'hasOwnProperty', ''])(
      'CL1 finds no handler by the name "%s"',
      async (type) => {
        const client = await enter();
        expect(await client.request({ type, text: 'hi' })).toMatchObject({ type: 'error', code: 'unknown_type' });
      },
    );
  });

  describe('ids', () => {
    it('CL2 stores and delivers the same id once, and acknowledges each time with the first offset', async () => {
      const room = freshRoom();
      const client = await chat.enter(room, freshUser());
      const id = randomUUID();
      expect((await say(client, 'one', { id })).offset).toBe(1);
      expect((await say(client, 'two')).offset).toBe(2);
      expect((await say(client, 'one', { id })).offset).toBe(1);
      expect((await say(client, 'three')).offset).toBe(3);
      await heard(client, 'three');
      expect(offsetsIn(client, room)).toEqual([1, 2, 3]);
    });

    it('CL2 stores once also where the same id is sent twice without waiting', async () => {
      const room = freshRoom();
      const client = await chat.enter(room, freshUser());
      for (let i = 0; i < 5; i += 1) client.send({ type: 'message', id: 'same', text: 'hi' });
      const answers = [];
      for (let i = 0; i < 5; i += 1) answers.push(await client.answer('same'));
      expect(answers.map(({ type, offset }) => [type, offset])).toEqual(range(1, 5).map(() => ['ack', 1]));
      await say(client, 'marker');
      await heard(client, 'marker');
      expect(offsetsIn(client, room)).toEqual([1, 2]);
    });

    it('CL2 knows the id of a user on every connection of the user, also on one that came later', async () => {
      const [room, sub] = [freshRoom(), freshUser()];
      const first = await chat.enter(room, sub);
      const id = randomUUID();
      await say(first, 'hi', { id });
      first.destroy();
      const second = await chat.enter(room, sub, { pod: 1 });
      expect((await say(second, 'hi', { id })).offset).toBe(1);
      expect((await say(second, 'next')).offset).toBe(2);
    });

    it('CL2 keeps the ids of users and of rooms apart', async () => {
      const [room, other] = [freshRoom(), freshRoom()];
      const alice = await chat.enter(room, freshUser('alice'));
      const bob = await chat.enter(room, freshUser('bob'));
      const id = randomUUID();
      expect((await say(alice, 'hi', { id })).offset).toBe(1);
      expect((await say(bob, 'hi', { id })).offset).toBe(2);
      await alice.request({ type: 'join', room: other });
      expect((await say(alice, 'hi', { id, room: other })).offset).toBe(1);
    });

    it('CL2 is not fooled by ids and users that look alike when they are put together', async () => {
      const room = freshRoom();
      const base = freshUser();
      const one = await chat.enter(room, `${base}:1`);
      const two = await chat.enter(room, base);
      expect((await say(one, 'hi', { id: 'x' })).offset).toBe(1);
      expect((await say(two, 'hi', { id: '1:x' })).offset).toBe(2);
      expect((await say(two, 'hi', { id: ':1:x' })).offset).toBe(3);
    });

    it('CL2 takes ids of 1 to 64 characters', async () => {
      const client = await enter();
      for (const id of ['1', 'x'.repeat(64), 'ü 🎉"\\']) {
        expect((await say(client, 'hi', { id })).id).toBe(id);
      }
    });

    it.each([
      ['an empty one', ''],
      ['65 characters', 'x'.repeat(65)],
      ['a number', 7],
      ['null', null],
      ['an object', {}],
    ])('CL2 takes no other id: %s', async (_title, id) => {
      const client = await enter();
      client.send({ type: 'message', id, text: 'hi' });
      expect((await client.next('error')).code).toBe('bad_frame');
      expect((await say(client, 'next')).offset).toBe(1);
    });
  });

  describe('join and leave', () => {
    it('CL3 joins many rooms on one connection and names them in what comes', async () => {
      const client = await chat.lobby(freshUser());
      const rooms = [freshRoom(), freshRoom(), freshRoom()];
      for (const room of rooms) await client.request({ type: 'join', room });
      for (const room of rooms) expect((await say(client, room, { room })).offset).toBe(1);
      for (const room of rooms) expect((await heard(client, room)).room).toBe(room);
    });

    it("CL3 takes the path's room where a frame names none", async () => {
      const [room, other] = [freshRoom(), freshRoom()];
      const client = await chat.enter(room, freshUser());
      await client.request({ type: 'join', room: other });
      await say(client, 'hi');
      expect((await heard(client, 'hi')).room).toBe(room);
    });

    it('CL3 lets nobody publish into, read or list a room that the connection is not in', async () => {
      const [room, other] = [freshRoom(), freshRoom()];
      const alice = await chat.enter(other, freshUser('alice'));
      await say(alice, 'secret');
      const client = await chat.enter(room, freshUser());
      for (const frame of [
        { type: 'message', text: 'hi' },
        { type: 'history' },
        { type: 'presence' },
        { type: 'leave' },
      ]) {
        expect(await client.request({ ...frame, room: other })).toMatchObject({ type: 'error', code: 'not_in_room' });
      }
      await say(alice, 'marker');
      await heard(alice, 'marker');
      expect(offsetsIn(alice, other)).toEqual([1, 2]);
    });

    it('CL3 lets frames to a room wait for the join that is being worked on', async () => {
      const room = freshRoom();
      const client = await chat.lobby(freshUser());
      client.send({ type: 'join', id: 'j', room });
      client.send({ type: 'message', id: 'm', room, text: 'hi' });
      client.send({ type: 'history', id: 'h', room });
      client.send({ type: 'presence', id: 'p', room });
      const [joined, ack, history, presence] = await Promise.all(['j', 'm', 'h', 'p'].map((id) => client.answer(id)));
      expect([joined, ack, history, presence].map((answer) => answer?.type)).toEqual([
        'joined',
        'ack',
        'history',
        'presence',
      ]);
      const types = client.received.filter(({ id }) => id !== undefined && 'jmhp'.includes(id)).map(({ type }) => type);
      expect(types[0]).toBe('joined');
    });

    it('CL3 answers frames that waited for a join that failed with not_in_room', async () => {
      const client = await chat.lobby(freshUser());
      client.send({ type: 'join', id: 'j', room: '@bad' });
      client.send({ type: 'message', id: 'm', room: '@bad', text: 'hi' });
      expect(await client.answer('j')).toMatchObject({ type: 'error', code: 'bad_room' });
      expect(await client.answer('m')).toMatchObject({ type: 'error', code: 'not_in_room' });
    });

    it.each(['@room', '.', '..', 'a b', 'a/b', 'ä', '', 'x'.repeat(129), 'a%20b'])(
      'CL3 answers a join of "%s" with bad_room',
      async (room) => {
        const client = await chat.lobby(freshUser());
        expect(await client.request({ type: 'join', room })).toMatchObject({ type: 'error', code: 'bad_room' });
      },
    );

    it('CL3 lets a leave take effect for what arrives after it, not for what came before', async () => {
      const room = freshRoom();
      const client = await chat.enter(room, freshUser());
      client.send({ type: 'message', id: 'before', text: 'hi' });
      client.send({ type: 'leave', id: 'l', room });
      client.send({ type: 'message', id: 'after', text: 'hi' });
      expect(await client.answer('before')).toMatchObject({ type: 'ack', offset: 1 });
      expect(await client.answer('l')).toEqual({ type: 'left', id: 'l', room, reason: 'left' });
      expect(await client.answer('after')).toMatchObject({ type: 'error', code: 'not_in_room' });
    });

    it('CL3 still answers history and presence that came before a leave', async () => {
      const room = freshRoom();
      const client = await chat.enter(room, freshUser());
      await say(client, 'hi');
      client.send({ type: 'history', id: 'h', room });
      client.send({ type: 'presence', id: 'p', room });
      client.send({ type: 'leave', id: 'l', room });
      const [history, presence, left] = await Promise.all(['h', 'p', 'l'].map((id) => client.answer(id)));
      expect([history?.type, presence?.type, left?.type]).toEqual(['history', 'presence', 'left']);
      const index = client.received.findIndex(({ type }) => type === 'left');
      expect(client.received.slice(index + 1).filter((frame) => frame.room === room)).toEqual([]);
    });

    it('CL3 answers history and presence between a join and a leave that are not answered yet', async () => {
      const room = freshRoom();
      const client = await chat.lobby(freshUser());
      client.send({ type: 'join', id: 'j', room });
      client.send({ type: 'history', id: 'h', room });
      client.send({ type: 'presence', id: 'p', room });
      client.send({ type: 'leave', id: 'l', room });
      client.send({ type: 'history', id: 'late', room });
      const answers = await Promise.all(['j', 'h', 'p', 'l', 'late'].map((id) => client.answer(id)));
      expect(answers.map(({ type, code }) => code ?? type)).toEqual([
        'joined',
        'history',
        'presence',
        'left',
        'not_in_room',
      ]);
    });

    it('CL3 judges join and leave in the order of arrival', async () => {
      const room = freshRoom();
      const client = await chat.lobby(freshUser());
      for (const [id, type] of [
        ['1', 'join'],
        ['2', 'leave'],
        ['3', 'join'],
        ['4', 'leave'],
        ['5', 'join'],
      ]) {
        client.send({ type, id, room });
        client.send({ type: 'message', id: `m${id}`, room, text: `after ${id}` });
      }
      const answers = await Promise.all(['m1', 'm2', 'm3', 'm4', 'm5'].map((id) => client.answer(id)));
      expect(answers.map(({ type, code, offset }) => offset ?? code ?? type)).toEqual([
        1,
        'not_in_room',
        2,
        'not_in_room',
        3,
      ]);
    });

    it('CL3 sends no frame of a room after its left', async () => {
      const room = freshRoom();
      const [alice, bob] = [await chat.enter(room, freshUser('alice')), await chat.enter(room, freshUser('bob'))];
      const storm = range(1, 40).map((n) => say(alice, `storm ${n}`));
      await heard(bob, 'storm 3');
      await bob.request({ type: 'leave', room });
      await Promise.all(storm);
      await say(alice, 'last');
      await bob.request({ type: 'join', room: freshRoom() });
      await bob.roundTrip();
      const left = bob.received.findIndex(({ type }) => type === 'left');
      expect(bob.received.slice(left + 1).filter((frame) => frame.room === room)).toEqual([]);
    });

    it('CL3 leaves the room of the path and lives on', async () => {
      const room = freshRoom();
      const client = await chat.enter(room, freshUser());
      expect(await client.request({ type: 'leave', room })).toMatchObject({ type: 'left', room, reason: 'left' });
      expect(await client.request({ type: 'message', text: 'hi' })).toMatchObject({ code: 'not_in_room' });
      await client.request({ type: 'join', room });
      expect((await say(client, 'again')).offset).toBe(1);
    });

    it('CL3 ignores since where the connection is in the room already', async () => {
      const room = freshRoom();
      const { client, joined } = await chat.visit(room, freshUser());
      await sayMany(client, 3);
      await client.take(3, 'message');
      const again = await client.request<{ cursor: string }>({ type: 'join', room, since: joined.cursor });
      expect(again).toMatchObject({ type: 'joined', room, cursor: joined.cursor.replace(/0$/, '3') });
      expect(again).not.toHaveProperty('recovered');
      await client.expectNone('message');
    });

    it('CL3 recovers by frame', async () => {
      const room = freshRoom();
      const { client: alice, joined } = await chat.visit(room, freshUser('alice'));
      await sayMany(alice, 4);
      const bob = await chat.lobby(freshUser('bob'));
      const since = joined.cursor.replace(/0$/, '2');
      expect(await bob.request({ type: 'join', room, since })).toMatchObject({ recovered: true, cursor: since });
      expect((await bob.take(2, 'message')).map(({ offset }) => offset)).toEqual([3, 4]);
    });
  });

  describe('faults', () => {
    it.each([
      ['no JSON', 'hello'],
      ['an empty text', ''],
      ['half an object', '{"type":"message"'],
      ['a list', '[{"type":"message"}]'],
      ['a number', '1'],
      ['a string', '"message"'],
      ['null', 'null'],
      ['a type that is a number', '{"type":7}'],
      ['a type that is null', '{"type":null}'],
      ['a type that is an object', '{"type":{"type":"message"}}'],
      ['a type that is a list', '{"type":["message"]}'],
      ['two objects', '{"text":"a"}{"text":"b"}'],
    ])('CL5 answers %s with bad_frame and lives on', async (_title, text) => {
      const client = await enter();
      client.sendText(text);
      const error = await client.next('error');
      expect(error).toMatchObject({ code: 'bad_frame', message: expect.any(String) });
      expect((await say(client, 'next')).offset).toBe(1);
    });

    it('CL5 answers a binary message with bad_frame, also where it would be a good frame', async () => {
      const client = await enter();
      client.sendBinary(Buffer.from('{"type":"message","text":"hi"}'));
      expect((await client.next('error')).code).toBe('bad_frame');
      expect((await say(client, 'next')).offset).toBe(1);
    });

    it('CL5 answers what is nested more than 256 deep with bad_frame, whatever its type, and lives on', async () => {
      const client = await enter();
      for (const type of ['no-such-type', 'message', 'history']) {
        const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
        client.sendText(`{"type":"${type}","id":"${randomUUID()}","text":${deep}}`);
        expect((await client.next('error')).code).toBe('bad_frame');
      }
      expect((await say(client, 'next')).offset).toBe(1);
    });

    it('CL5 names the field and the rule, and never echoes the value', async () => {
      const client = await enter();
      const error = await client.request<ErrorFrame>({ type: 'message', text: { 'the-value': 'the-secret-value' } });
      expect(error).toMatchObject({ type: 'error', code: 'invalid_payload' });
      expect(error.message).toContain('text');
      expect(error.message).toContain('string');
      expect(JSON.stringify(error)).not.toContain('the-secret-value');
      expect(JSON.stringify(error)).not.toContain('the-value');
    });

    it.each([
      ['a body without its field', {}],
      ['a field that is null', { text: null }],
      ['a field that is a list', { text: ['hi'] }],
    ])('CL5 answers %s with invalid_payload', async (_title, body) => {
      const client = await enter();
      expect(await client.request({ type: 'message', ...body })).toMatchObject({ code: 'invalid_payload' });
      expect((await say(client, 'next')).offset).toBe(1);
    });

    it.each([[[]], ['text'], [null], [7]])(
      'CL5 answers an envelope with the body %j with invalid_payload',
      async (data) => {
        const client = await enter();
        expect(await client.request({ event: 'message', data })).toMatchObject({ code: 'invalid_payload' });
        expect((await say(client, 'next')).offset).toBe(1);
      },
    );

    it('CL5 names the room of a frame that is refused', async () => {
      const client = await enter();
      const room = freshRoom();
      expect(await client.request({ type: 'message', room, text: 'hi' })).toMatchObject({ code: 'not_in_room', room });
    });

    it('CL5 pollutes nothing by __proto__', async () => {
      const client = await enter();
      client.sendText('{"type":"message","text":"hi","__proto__":{"polluted":true},"constructor":{"x":1}}');
      await heard(client, 'hi');
      const other = await enter();
      await say(other, 'there');
      expect(await heard(other, 'there')).not.toHaveProperty('polluted');
    });
  });

  describe('size', () => {
    it('CL6 takes a frame of maxFrameBytes and closes with 1009 too_big on one byte more', async () => {
      const { client, welcome } = await chat.visit(freshRoom(), freshUser());
      const fill = welcome.maxFrameBytes - '{"type":"ping","id":"p","pad":""}'.length;
      client.sendText(`{"type":"ping","id":"p","pad":"${'x'.repeat(fill)}"}`);
      await client.answer('p');
      client.sendText(`{"type":"ping","id":"q","pad":"${'x'.repeat(fill + 1)}"}`);
      expect(await client.closed()).toEqual({ code: 1009, reason: 'too_big' });
    });

    it('CL6 counts bytes, not characters', async () => {
      const { client, welcome } = await chat.visit(freshRoom(), freshUser());
      client.sendText(`{"type":"ping","pad":"${'ü'.repeat(Math.ceil(welcome.maxFrameBytes / 2))}"}`);
      expect((await client.closed()).code).toBe(1009);
    });

    it('CL6 adds up the fragments of a frame', async () => {
      const { client, welcome } = await chat.visit(freshRoom(), freshUser());
      const part = Buffer.alloc(Math.ceil(welcome.maxFrameBytes / 3), 0x20);
      for (let i = 0; i < 4; i += 1) client.ws.send(part, { binary: false, fin: i === 3 });
      expect((await client.closed()).code).toBe(1009);
    });

    it('CL6 harms nobody else', async () => {
      const room = freshRoom();
      const { client, welcome } = await chat.visit(room, freshUser());
      const other = await chat.enter(room, freshUser());
      client.sendText('x'.repeat(welcome.maxFrameBytes + 1));
      await client.closed();
      await say(other, 'hi');
      await heard(other, 'hi');
    });
  });

  describe('rate', () => {
    it('CL7 answers what is above the rate with rate_limited and retryMs, and does not process it', async () => {
      const room = freshRoom();
      const { client, welcome } = await chat.visit(room, freshUser());
      const { framesPerSecond, burst } = welcome.limits;
      const sent = range(1, framesPerSecond === 0 ? 300 : burst * 2 + framesPerSecond).map(String);
      for (const id of sent) client.send({ type: 'message', id, text: id });
      const answers = await Promise.all(sent.map((id) => client.answer<ErrorFrame & { offset?: number }>(id)));
      const acked = answers.filter(({ offset }) => offset !== undefined);
      const refused = answers.filter(({ offset }) => offset === undefined);
      for (const error of refused) {
        expect(error).toMatchObject({ type: 'error', code: 'rate_limited', retryMs: expect.any(Number) });
        expect(error.retryMs).toBeGreaterThan(0);
      }
      expect(acked.map(({ offset }) => offset)).toEqual(range(1, acked.length));
      if (framesPerSecond === 0) {
        expect(refused).toEqual([]);
      } else {
        expect(acked.length).toBeGreaterThanOrEqual(burst);
        expect(refused.length).toBeGreaterThan(0);
      }
      expect(client.isOpen).toBe(true);
    });

    it('CL7 counts neither ping nor pong nor auth', async () => {
      const sub = freshUser();
      const { client, welcome } = await chat.visit(freshRoom(), sub);
      const { burst } = welcome.limits;
      for (let i = 0; i < burst * 2; i += 1) client.send({ type: 'pong' });
      const pings = range(1, burst * 2).map((n) => `ping ${n}`);
      for (const id of pings) client.send({ type: 'ping', id });
      for (const id of pings) expect((await client.answer(id)).type).toBe('pong');
      const token = chat.token(sub, {}, { expiresInMs: 7_200_000 });
      for (let i = 0; i < 5; i += 1) expect((await client.request({ type: 'auth', token })).type).toBe('ack');
      await say(client, 'still allowed');
    });
  });

  describe('ping and pong', () => {
    it('CL4 answers ping by pong, with and without an id', async () => {
      const client = await enter();
      client.send({ type: 'ping' });
      const pong = await client.next('pong');
      expect(pong).toEqual({ type: 'pong' });
      expect(await client.request({ type: 'ping', id: 'p' })).toEqual({ type: 'pong', id: 'p' });
    });

    it('CL4 never answers pong', async () => {
      const client = await enter();
      client.send({ type: 'pong' });
      client.send({ type: 'pong', id: 'p' });
      await client.expectNone(named('an answer to pong', ({ id, type }) => id === 'p' || type === 'error'));
    });
  });
});
