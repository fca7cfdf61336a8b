import { randomUUID } from 'node:crypto';
import { SubscribeMessage } from '@nestjs/websockets';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HandshakeGuards, JwtHandshakeGuard, RealtimeGateway, RealtimeUsageError } from '../../src/index.js';
import type { RealtimeOptions } from '../../src/index.js';
import { reservedTypes } from '../../src/protocol/index.js';
import type { AckFrame } from '../../src/protocol/index.js';
import { CapturedLogger } from '../support/captured-logger.js';
import { freshRoom, freshUser, heard, offsetsIn, range, say, storedIn } from '../support/chat.js';
import { SECRET, startChat, startChatWithClock } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import type { CapturedLogger as Logger } from '../support/captured-logger.js';

/** A gateway with one handler under a name. */
function gatewayWithHandler(name: string): new () => object {
  @RealtimeGateway('/ws/odd')
  @HandshakeGuards(JwtHandshakeGuard)
  class OddGateway {
    @SubscribeMessage(name)
    handle(): void {
      // What it does makes no difference: its name does.
    }
  }
  return OddGateway;
}

describe('frames, from inside', () => {
  let chat: ChatServer | undefined;

  afterEach(() => chat?.close());

  async function start(options: RealtimeOptions = {}, logger?: Logger): Promise<ChatServer> {
    chat = await startChat(options, logger ? { logger } : {});
    return chat;
  }

  describe('welcome', () => {
    it('FR1 tells the settings, 0 where there is no limit', async () => {
      const server = await start({
        heartbeatMs: 0,
        messagesPerSecond: 0,
        maxRoomsPerConnection: 0,
        maxFrameBytes: 1_234,
        dedupeTtlMs: 5_678,
      });
      const { welcome } = await server.visit(freshRoom(), freshUser());
      expect(welcome).toMatchObject({ heartbeatMs: 0, maxFrameBytes: 1_234, dedupeTtlMs: 5_678 });
      expect(welcome.limits).toMatchObject({ framesPerSecond: 0, rooms: 0 });
    });

    it('FR1 tells the defaults that the protocol names', async () => {
      const server = await start();
      const { welcome } = await server.visit(freshRoom(), freshUser());
      expect(welcome).toMatchObject({ heartbeatMs: 25_000, maxFrameBytes: 65_536, dedupeTtlMs: 300_000 });
    });

    it('FR1 has no expiresAt where the token never ends', async () => {
      const server = await start({ auth: { jwt: { secret: SECRET, requireExpiry: false } } });
      const { welcome } = await server.visit(freshRoom(), freshUser(), { claims: { exp: undefined } });
      expect(welcome).not.toHaveProperty('expiresAt');
    });
  });

  describe('payloads', () => {
    it.each([['text'], [7], [null], [true], [[1, { type: 'x' }]]])(
      'FR3 carries the payload %j as data',
      async (payload) => {
        const server = await start();
        const room = freshRoom();
        const client = await server.enter(room, freshUser());
        await server.realtime.to(`chat/${room}`).publish('value', payload);
        const frame = await client.next('value');
        expect(frame['data']).toEqual(payload);
        expect(Object.keys(frame).sort()).toEqual(['data', 'id', 'offset', 'room', 'timestamp', 'type']);
      },
    );

    it('FR3 lets the server win over the payload of an application', async () => {
      const server = await start();
      const room = freshRoom();
      const sub = freshUser('alice');
      const client = await server.enter(room, sub);
      const payload = {
        type: 'welcome',
        room: 'other',
        id: 'x',
        offset: 99,
        user: 'mallory',
        userId: 'm',
        timestamp: 'never',
        nested: { type: 'kept', user: 'kept' },
        text: 'kept',
      };
      await client.request({ type: 'emit', id: 'own', name: 'value', payload });
      expect(await client.next('value')).toEqual({
        type: 'value',
        room,
        id: 'own',
        offset: 1,
        user: 'alice',
        userId: sub,
        timestamp: expect.stringMatching(/Z$/),
        nested: { type: 'kept', user: 'kept' },
        text: 'kept',
      });
    });

    it('FR3 has neither user nor userId where the server publishes, also where the payload says them', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      await server.realtime.to(`chat/${room}`).publish('value', { user: 'mallory', userId: 'm', text: 'hi' });
      const frame = await client.next('value');
      expect(frame).toMatchObject({ text: 'hi', offset: 1, room });
      expect(frame).not.toHaveProperty('user');
      expect(frame).not.toHaveProperty('userId');
    });

    it('FR3 has user and userId of whom the server names by as', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      await server.realtime.to(`chat/${room}`).publish('value', { text: 'hi' }, { as: { id: 'u7', name: 'Seven' } });
      expect(await client.next('value')).toMatchObject({ user: 'Seven', userId: 'u7', text: 'hi' });
    });

    it('FR3 keeps what is hard to keep', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      const payload = {
        a: '\u2028 "quotes" \\ 🎉 \u0000',
        list: [],
        empty: {},
        when: new Date(0),
        '': 'empty key',
        deep: { __proto__x: 1 },
      };
      await server.realtime.to(`chat/${room}`).publish('value', payload);
      const frame = await client.next('value');
      expect(frame).toMatchObject({ ...payload, when: '1970-01-01T00:00:00.000Z' });
    });

    it('FR3 tells the publisher of a payload that can not be JSON, and sends nothing', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      const cycle: Record<string, unknown> = {};
      cycle['self'] = cycle;
      for (const payload of [cycle, { big: 1n }]) {
        await expect(server.realtime.to(`chat/${room}`).publish('value', payload)).rejects.toThrow(RealtimeUsageError);
      }
      expect((await say(client, 'next')).offset).toBe(1);
    });
  });

  it('FR6 gives the same text to members with and without compression', async () => {
    const server = await start({ compression: true });
    const room = freshRoom();
    const [one, two] = [
      await server.enter(room, freshUser(), { compression: true }),
      await server.enter(room, freshUser()),
    ];
    expect([one.ws.extensions, two.ws.extensions]).toEqual([expect.stringContaining('permessage-deflate'), '']);
    for (const text of ['short', 'ünïcödé 🎉', 'x'.repeat(60_000)]) {
      await say(two, text);
      expect(one.textOf(await heard(one, text))).toBe(two.textOf(await heard(two, text)));
    }
  });

  describe('answers of handlers', () => {
    it('FR5 gives as data what a handler returned, where it is no publish', async () => {
      const server = await start();
      const sub = freshUser('alice');
      const client = await server.enter(freshRoom(), sub);
      expect(await client.request({ type: 'data', id: 'd' })).toEqual({ type: 'ack', id: 'd', data: { answer: 42 } });
      expect(await client.request({ type: 'who', id: 'w' })).toEqual({
        type: 'ack',
        id: 'w',
        data: { id: sub, name: 'alice' },
      });
      expect(await client.request({ type: 'nothing', id: 'n' })).toEqual({ type: 'ack', id: 'n' });
    });

    it('FR5 answers a handler that returns an Observable exactly once', async () => {
      const server = await start();
      const client = await server.enter(freshRoom(), freshUser());
      expect(await client.request({ type: 'observable', id: 'o' })).toEqual({ type: 'ack', id: 'o', data: 7 });
      await client.roundTrip();
      expect(client.received.filter(({ id }) => id === 'o')).toHaveLength(1);
    });

    it('FR5 sends nothing where a handler returned data to a frame without an id', async () => {
      const server = await start();
      const client = await server.enter(freshRoom(), freshUser());
      client.send({ type: 'data' });
      client.send({ type: 'nothing' });
      await client.expectNone('ack');
      expect(server.probe.calls).toContain('nothing:');
    });

    it('FR5 answers an unstored publish without an offset', async () => {
      const server = await start();
      const client = await server.enter(freshRoom(), freshUser());
      expect(await client.request({ type: 'typing', id: 't' })).toEqual({ type: 'ack', id: 't' });
    });
  });

  describe('reserved types', () => {
    it.each([...reservedTypes])('CL1 stops the start where a handler is named %s', async (type) => {
      await expect(startChat({}, { gateways: [gatewayWithHandler(type)] })).rejects.toThrow(type);
    });

    it.each([...reservedTypes])('CL1 throws where %s is published', async (type) => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      await expect(server.realtime.to(`chat/${room}`).publish(type, {})).rejects.toThrow(RealtimeUsageError);
      await expect(server.realtime.user('u').publish(type, {})).rejects.toThrow(RealtimeUsageError);
      await expect(server.realtime.namespace('chat').publish(type, {})).rejects.toThrow(RealtimeUsageError);
      expect(await client.request({ type: 'emit', name: type, payload: {} })).toMatchObject({
        type: 'error',
        code: 'internal',
      });
      expect((await say(client, 'next')).offset).toBe(1);
    });

    it('CL1 gives a handler the frame without the reserved fields, or the data of the envelope', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      await client.request({
        type: 'body',
        room,
        user: 'u',
        userId: 'x',
        offset: 1,
        timestamp: 't',
        text: 'hi',
        deep: { id: 1 },
      });
      await client.request({ event: 'body', data: { text: 'hi', id: 'own' } });
      await client.request({ event: 'body', data: [1, 2] });
      await client.request({ event: 'body', data: 'text' });
      expect(server.probe.bodies).toEqual([{ text: 'hi', deep: { id: 1 } }, { text: 'hi', id: 'own' }, [1, 2], 'text']);
    });
  });

  describe('ids', () => {
    it('CL2 deduplicates the n-th publish of a handler by id and n, and acknowledges with the first', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      expect(await client.request({ type: 'twice', id: 't', text: 'a' })).toEqual({ type: 'ack', id: 't', offset: 1 });
      expect(await client.request({ type: 'twice', id: 't', text: 'a' })).toEqual({ type: 'ack', id: 't', offset: 1 });
      await say(client, 'marker');
      await heard(client, 'marker');
      const frames = storedIn(client, room);
      expect(frames.map(({ offset, text }) => [offset, text])).toEqual([
        [1, 'a 1'],
        [2, 'a 2'],
        [3, 'marker'],
      ]);
      expect(frames[0]?.id).toBe('t');
      expect(frames[1]?.id).toEqual(expect.any(String));
      expect(frames[1]?.id).not.toBe('t');
    });

    it('CL2 gives publishes through Realtime neither identity nor id', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      await client.request({ type: 'through-realtime', id: 'r', text: 'a' });
      await client.request({ type: 'through-realtime', id: 'r', text: 'a' });
      await client.take(2, 'message');
      for (const frame of storedIn(client, room)) {
        expect(frame.id).not.toBe('r');
        expect(frame).not.toHaveProperty('userId');
      }
      expect(offsetsIn(client, room)).toEqual([1, 2]);
    });

    it('CL2 makes publishes through Realtime idempotent by the id that they are given', async () => {
      const server = await start();
      const address = `chat/${freshRoom()}`;
      const first = await server.realtime.to(address).publish('value', {}, { id: 'x' });
      const second = await server.realtime.to(address).publish('value', {}, { id: 'x' });
      expect(first).toMatchObject({ offset: 1, duplicate: false });
      expect(second).toMatchObject({ offset: 1, duplicate: true });
    });

    it("CL2 keeps the server's ids and the users' apart", async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      await server.realtime.to(`chat/${room}`).publish('value', {}, { id: 'x' });
      expect((await say(client, 'hi', { id: 'x' })).offset).toBe(2);
    });

    it('CL2 counts anonymous connections as one user, whose ids must be UUIDs', async () => {
      const server = await start({ auth: { allowAnonymous: true } });
      const room = freshRoom();
      const [one, two] = [await server.enter(room, undefined), await server.enter(room, undefined)];
      const id = randomUUID();
      expect((await say(one, 'hi', { id })).offset).toBe(1);
      expect((await say(two, 'hi', { id })).offset).toBe(1);
      expect((await say(two, 'hi', { id: randomUUID() })).offset).toBe(2);
      expect(await one.request({ type: 'message', id: 'no-uuid', text: 'hi' })).toMatchObject({ type: 'error' });
      expect((await say(one, 'next', { id: randomUUID() })).offset).toBe(3);
    });

    it('CL2 forgets an id when dedupeTtlMs have passed, not before', async () => {
      const { chat: server, clock } = await startChatWithClock({ dedupeTtlMs: 1_000 });
      chat = server;
      const client = await server.enter(freshRoom(), freshUser());
      await say(client, 'hi', { id: 'x' });
      clock.advance(900);
      expect((await say(client, 'hi', { id: 'x' })).offset).toBe(1);
      clock.advance(2_000);
      expect((await say(client, 'hi', { id: 'x' })).offset).toBe(2);
    });

    it('CL2 runs a handler again for an id that comes again', async () => {
      const server = await start();
      const client = await server.enter(freshRoom(), freshUser());
      await client.request<AckFrame>({ type: 'prompt', id: 'x', text: 'again' });
      await client.request<AckFrame>({ type: 'prompt', id: 'x', text: 'again' });
      expect(server.probe.count('prompt:again')).toBe(2);
    });
  });

  describe('faults', () => {
    it.each([
      [400, 'invalid_payload'],
      [401, 'unauthenticated'],
      [403, 'forbidden'],
      [404, 'not_found'],
      [409, 'conflict'],
      [429, 'rate_limited'],
      [503, 'unavailable'],
      [402, 'internal'],
      [418, 'internal'],
      [500, 'internal'],
    ])('CL5 maps an HttpException of %i to %s', async (status, code) => {
      const server = await start();
      const client = await server.enter(freshRoom(), freshUser());
      expect(await client.request({ type: 'status', status })).toMatchObject({ type: 'error', code });
    });

    it('CL5 answers whatever else is thrown with internal, in one word, and logs it whole', async () => {
      const logger = new CapturedLogger();
      const server = await start({}, logger);
      const client = await server.enter(freshRoom(), freshUser());
      const error = await client.request({ type: 'boom', id: 'b' });
      expect(error).toMatchObject({ type: 'error', code: 'internal', id: 'b' });
      expect(JSON.stringify(error)).not.toContain('the-secret-detail');
      expect(String(error['message']).trim()).toMatch(/^\S+$/);
      expect(logger.text).toContain('the-secret-detail');
      expect(logger.text).toContain('chat-fixture.gateway');
    });

    it('CL5 answers a guard that says no to a frame with forbidden', async () => {
      const server = await start();
      const client = await server.enter(freshRoom(), freshUser());
      expect(await client.request({ type: 'guarded' })).toMatchObject({ type: 'error', code: 'forbidden' });
      expect(server.probe.calls).not.toContain('guarded:');
    });

    it('CL5 lets a handler say a code of the table', async () => {
      const server = await start();
      const client = await server.enter(freshRoom(), freshUser());
      expect(await client.request({ type: 'taken' })).toMatchObject({ code: 'conflict', message: 'the seat is taken' });
    });

    it('CL5 closes with 4503 on one faulty frame more than maxErrorsPerMinute', async () => {
      const server = await start({ maxErrorsPerMinute: 4 });
      const client = await server.enter(freshRoom(), freshUser());
      client.sendText('no json');
      client.send({ type: 'no-such-type' });
      client.send({ type: 'message', text: 42 });
      client.send({ type: 'message', room: freshRoom(), text: 'hi' });
      const codes = (await client.take(4, 'error')).map(({ code }) => code);
      expect(codes.sort()).toEqual(['bad_frame', 'invalid_payload', 'not_in_room', 'unknown_type']);
      await client.roundTrip();
      client.sendText('no json');
      expect(await client.closed()).toEqual({ code: 4503, reason: 'too_many_errors' });
    });

    it('CL5 counts within 60 s', async () => {
      const { chat: server, clock } = await startChatWithClock({ maxErrorsPerMinute: 4, heartbeatMs: 0 });
      chat = server;
      const client = await server.enter(freshRoom(), freshUser());
      for (let minute = 0; minute < 3; minute += 1) {
        for (let i = 0; i < 4; i += 1) expect(await client.request({ type: 'no-such-type' })).toHaveProperty('code');
        clock.advance(60_001);
      }
      for (let i = 0; i < 5; i += 1) client.send({ type: 'no-such-type' });
      expect((await client.closed()).code).toBe(4503);
    });

    it('CL5 counts no temporary errors and none of handlers, guards and rooms', async () => {
      const server = await start({ maxErrorsPerMinute: 2 });
      const client = await server.enter(freshRoom(), freshUser());
      for (let i = 0; i < 4; i += 1) {
        await client.request({ type: 'boom' });
        await client.request({ type: 'guarded' });
        await client.request({ type: 'taken' });
        for (const status of [400, 401, 403, 404, 409, 429, 503]) await client.request({ type: 'status', status });
        expect(await client.request({ type: 'join', room: '@bad' })).toMatchObject({ code: 'bad_room' });
      }
      expect((await say(client, 'still here')).offset).toBe(1);
    });

    it('CL5 never closes where maxErrorsPerMinute is 0', async () => {
      const server = await start({ maxErrorsPerMinute: 0, messagesPerSecond: 0 });
      const client = await server.enter(freshRoom(), freshUser());
      for (const id of range(1, 200)) client.send({ type: 'no-such-type', id: String(id) });
      await client.answer('200');
      await say(client, 'still here');
    });

    it('CL6 counts the bytes after decompression', async () => {
      const server = await start({ compression: true });
      const client = await server.enter(freshRoom(), freshUser(), { compression: true });
      expect(client.ws.extensions).toContain('permessage-deflate');
      await say(client, 'x'.repeat(60_000));
      client.sendText(JSON.stringify({ type: 'message', text: 'x'.repeat(10_000_000) }));
      expect(await client.closed()).toEqual({ code: 1009, reason: 'too_big' });
    });
  });

  describe('rate', () => {
    it('CL7 lets exactly the burst through, and says when to come again', async () => {
      const { chat: server, clock } = await startChatWithClock({ messagesPerSecond: 10, messagesBurst: 20 });
      chat = server;
      const client = await server.enter(freshRoom(), freshUser());
      for (const n of range(1, 20)) expect((await say(client, String(n))).offset).toBe(n);
      const refused = await client.request({ type: 'message', id: 'late', text: 'late' });
      expect(refused).toMatchObject({ type: 'error', code: 'rate_limited', id: 'late' });
      const retryMs = Number(refused['retryMs']);
      expect(retryMs).toBeGreaterThan(0);
      expect(retryMs).toBeLessThanOrEqual(1_000);
      clock.advance(retryMs);
      expect((await say(client, 'late', { id: 'late' })).offset).toBe(21);
    });

    it('CL7 closes with 4003 after 10 s of sustained excess, not before', async () => {
      const { chat: server, clock } = await startChatWithClock({ messagesPerSecond: 10, messagesBurst: 10 });
      chat = server;
      const client = await server.enter(freshRoom(), freshUser());
      const excess = async (): Promise<void> => {
        for (const n of range(1, 30)) client.send({ type: 'message', text: String(n) });
        await client.roundTrip();
      };
      for (let ms = 0; ms < 9_500; ms += 500) {
        await excess();
        clock.advance(500);
      }
      expect(client.isOpen).toBe(true);
      for (let i = 0; i < 4 && client.isOpen; i += 1) {
        await excess().catch(() => undefined); // The close may come before the pong.
        clock.advance(500);
      }
      expect(await client.closed()).toEqual({ code: 4003, reason: 'rate_limited' });
    });

    it('CL7 closes nobody whose excess is not sustained', async () => {
      const { chat: server, clock } = await startChatWithClock({ messagesPerSecond: 10, messagesBurst: 10 });
      chat = server;
      const client = await server.enter(freshRoom(), freshUser());
      for (let turn = 0; turn < 6; turn += 1) {
        for (const n of range(1, 30)) client.send({ type: 'message', text: String(n) });
        await client.roundTrip();
        clock.advance(4_000);
        await say(client, `within the rate ${turn}`);
      }
      expect(client.isOpen).toBe(true);
    });

    it('CL7 limits nothing where the rate is 0', async () => {
      const server = await start({ messagesPerSecond: 0, messagesBurst: 5 });
      const client = await server.enter(freshRoom(), freshUser());
      for (const n of range(1, 500)) client.send({ type: 'message', id: String(n), text: 'x' });
      expect((await client.answer('500')).offset).toBe(500);
    });
  });
});
