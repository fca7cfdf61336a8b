import { afterEach, describe, expect, it } from '@jest/globals';
import type { RealtimeOptions } from '../../src/index.js';
import type { SystemFrame } from '../../src/protocol/index.js';
import { FlakyBroker, ManualClock, TestClient } from '../../src/testing/index.js';
import type { AnyFrame } from '../../src/testing/index.js';
import { advanceUntil } from '../support/advance.js';
import { memoryBroker } from '../support/brokers.js';
import { freshRoom, freshUser, heard, joinedIn, named, range, say, storedIn } from '../support/chat.js';
import { startChat, startChatWithClock } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { until } from '../support/within.js';

const leftOf = (userId: string): ((frame: AnyFrame) => boolean) =>
  named(
    `system left of ${userId}`,
    (frame) => frame.type === 'system' && frame['event'] === 'left' && frame['userId'] === userId,
  );

describe('the life of a connection, from inside', () => {
  let chat: ChatServer | undefined;

  afterEach(() => chat?.close());

  async function start(options: RealtimeOptions = {}): Promise<ChatServer> {
    chat = await startChat(options);
    return chat;
  }

  async function startWithClock(options: RealtimeOptions = {}): Promise<{ server: ChatServer; clock: ManualClock }> {
    const started = await startChatWithClock(options);
    chat = started.chat;
    return { server: started.chat, clock: started.clock };
  }

  describe('heartbeat', () => {
    it('CN1 sends a WebSocket ping and a JSON ping every heartbeatMs', async () => {
      const { server, clock } = await startWithClock();
      const client = await server.enter(freshRoom(), freshUser());
      let pings = 0;
      client.ws.on('ping', () => (pings += 1));
      clock.advance(24_000);
      await client.expectNone('ping');
      for (const n of range(1, 4)) {
        await advanceUntil(clock, `ping ${n}`, client.next('ping'), { withinMs: 26_000, stepMs: 500 });
        await client.roundTrip();
        expect(pings).toBe(n);
      }
      expect(client.textOf(client.received.find(({ type }) => type === 'ping')!)).toBe('{"type":"ping"}');
    });

    it('CN1 sends a WebSocket ping behind every 2 MiB, so that a slow reader is heard while it reads', async () => {
      const { server, clock } = await startWithClock();
      const { client, welcome } = await server.visit(freshRoom(), freshUser(), { autoPong: true });
      const connection = server.registry.connections().find(({ id }) => id === welcome.connection)!;
      let pings = 0;
      client.ws.on('ping', () => (pings += 1));
      clock.advance(20_000);
      const text = 'x'.repeat(16_000);
      for (let n = 0; n < 140; n += 1) {
        connection.send({ type: 'news', text });
        await client.next('news');
      }
      await until('the server heard of it', () => connection.heardAt === clock.now());
      expect(pings).toBe(1);
    });

    it('CN1 sends a WebSocket ping behind every 64 KiB of a replay', async () => {
      const { server } = await startWithClock();
      const [room, sub] = [freshRoom(), freshUser()];
      const { client, joined } = await server.visit(room, sub);
      client.destroy();
      const text = 'x'.repeat(16_000);
      for (const n of range(1, 80)) await server.realtime.to(`chat/${room}`).publish('message', { text, n });
      let pings = 0;
      const back = await server.enter(room, sub, { since: joined.cursor });
      back.ws.on('ping', () => (pings += 1));
      await until('it has all', () => storedIn(back, room).length === 80);
      expect(pings).toBeGreaterThanOrEqual(14); // Of 16: the first may come before it is counted, the last later.
    });

    it('CN1 closes with 4000 after silence for two intervals, not before', async () => {
      const { server, clock } = await startWithClock();
      const client = await server.enter(freshRoom(), freshUser(), { autoPong: false });
      const watcher = await server.enter(freshRoom(), freshUser());
      await client.roundTrip();
      const silentSince = clock.now();
      const closed = client.closed(20_000);
      let closedAt = 0;
      void closed.then(() => (closedAt = clock.now()));
      for (let passed = 0; passed < 60_000 && closedAt === 0; passed += 1_000) {
        clock.advance(1_000);
        await watcher.roundTrip();
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await closed).toEqual({ code: 4000, reason: 'heartbeat_timeout' });
      expect(closedAt - silentSince).toBeGreaterThanOrEqual(50_000);
      expect(closedAt - silentSince).toBeLessThanOrEqual(53_000);
      expect(watcher.isOpen).toBe(true);
    });

    /** Lets four times the silence that is allowed go by, and a sign of life be heard after each ping. */
    async function live(autoPong: boolean, sign: (client: TestClient) => void): Promise<void> {
      const { server, clock } = await startWithClock();
      const { client, welcome } = await server.visit(freshRoom(), freshUser(), { autoPong });
      const connection = server.registry.connections().find(({ id }) => id === welcome.connection);
      for (let i = 0; i < 8; i += 1) {
        clock.advance(25_000);
        await client.next('ping');
        sign(client);
        await until(`the server heard of the client after ping ${i + 1}`, () => connection?.heardAt === clock.now());
      }
      expect(client.isOpen).toBe(true);
    }

    it('CN1 counts the pong that a WebSocket library sends by itself', () => live(true, () => undefined));

    it.each([
      ['a JSON pong', (client: TestClient) => client.send({ type: 'pong' })],
      ['a frame', (client: TestClient) => client.send({ type: 'message', text: 'hi' })],
      ['a frame that is none', (client: TestClient) => client.sendText('garbage')],
      ['a WebSocket ping', (client: TestClient) => client.ws.ping()],
    ])('CN1 counts %s as life', (_title, sign) => live(false, sign));

    it('CN1 neither pings nor closes where heartbeatMs is 0', async () => {
      const { server, clock } = await startWithClock({ heartbeatMs: 0 });
      const client = await server.enter(freshRoom(), freshUser(), { autoPong: false });
      clock.advance(600_000);
      await client.expectNone('ping');
      expect(client.isOpen).toBe(true);
    });
  });

  describe('leaving', () => {
    /** Ends a connection as a network does, and waits until its grace runs. */
    async function lose(client: TestClient, clock: ManualClock): Promise<void> {
      const { pending } = clock;
      client.destroy();
      await until('the grace of the lost connection runs', () => clock.pending > pending);
    }

    it('CN3 announces a lost connection after leaveGraceMs, not before', async () => {
      const { server, clock } = await startWithClock({ heartbeatMs: 0 });
      const [room, bobId] = [freshRoom(), freshUser('bob')];
      const alice = await server.enter(room, freshUser('alice'));
      const bob = await server.enter(room, bobId);
      await lose(bob, clock);
      clock.advance(1_999);
      await say(alice, 'marker');
      await alice.expectNone(leftOf(bobId), () => heard(alice, 'marker'));
      clock.advance(1);
      expect(await alice.next<SystemFrame>(leftOf(bobId))).toMatchObject({ members: 1 });
    });

    it('CN3 announces nobody who came back within the grace, neither as left nor as joined again', async () => {
      const { server, clock } = await startWithClock({ heartbeatMs: 0 });
      const [room, bobId] = [freshRoom(), freshUser('bob')];
      const alice = await server.enter(room, freshUser('alice'));
      const bob = await server.enter(room, bobId);
      await alice.next(named('bob joined', (frame) => frame.type === 'system' && frame['userId'] === bobId));
      await lose(bob, clock);
      clock.advance(1_000);
      expect((await server.visit(room, bobId)).joined.members).toBe(2);
      clock.advance(10_000);
      await say(alice, 'marker');
      const aboutBob = named('bob', (frame: AnyFrame) => frame.type === 'system' && frame['userId'] === bobId);
      await alice.expectNone(aboutBob, () => heard(alice, 'marker'));
    });

    it('CN3 announces an explicit leave, a clean close and a kick at once', async () => {
      const { server } = await startWithClock({ heartbeatMs: 0 });
      const room = freshRoom();
      const alice = await server.enter(room, freshUser('alice'));
      const ways: ((client: TestClient, sub: string) => Promise<unknown>)[] = [
        (client) => client.request({ type: 'leave', room }),
        (client) => client.close(1000),
        (_client, sub) => server.realtime.to(`chat/${room}`).kick(sub),
      ];
      for (const go of ways) {
        const sub = freshUser('bob');
        await go(await server.enter(room, sub), sub);
        expect(await alice.next<SystemFrame>(leftOf(sub))).toMatchObject({ members: 1 });
      }
    });

    it('CN3 gives a grace to every other close', async () => {
      const { server, clock } = await startWithClock({ heartbeatMs: 0 });
      const [room, bobId] = [freshRoom(), freshUser('bob')];
      const alice = await server.enter(room, freshUser('alice'));
      const bob = await server.enter(room, bobId);
      const { pending } = clock;
      await bob.close(4999, 'bye');
      await until('the grace runs', () => clock.pending > pending);
      await say(alice, 'marker');
      await alice.expectNone(leftOf(bobId), () => heard(alice, 'marker'));
      clock.advance(2_000);
      await alice.next(leftOf(bobId));
    });

    it('CN3 announces nobody in rooms above announceUpTo', async () => {
      const server = await start({ announceUpTo: 2 });
      const room = freshRoom();
      const [alice, bobId] = [await server.enter(room, freshUser('alice')), freshUser('bob')];
      await server.enter(room, bobId);
      await alice.next(named('bob joined', (frame) => frame.type === 'system' && frame['userId'] === bobId));
      const carolId = freshUser('carol');
      const carol = await server.enter(room, carolId);
      await say(carol, 'marker');
      const aboutCarol = named('carol', (frame: AnyFrame) => frame.type === 'system' && frame['userId'] === carolId);
      await alice.expectNone(aboutCarol, () => heard(alice, 'marker'));
    });

    const nothingAbout = (userId: string): ((frame: AnyFrame) => boolean) =>
      named(`system of ${userId}`, (frame) => frame.type === 'system' && frame['userId'] === userId);

    it('CN3 announces nobody who never was in the room, because a hook said no', async () => {
      const server = await start();
      const [room, bobId] = [freshRoom(), freshUser('bob')];
      const alice = await server.enter(room, freshUser('alice'));
      server.probe.fail(`onJoin:${bobId} ${room}`);
      const bob = await server.lobby(bobId);
      expect(await bob.request({ type: 'join', room })).toMatchObject({ code: 'internal' });
      const byPath = await server.connect(room, bobId);
      await byPath.closed();
      const carolId = freshUser('carol');
      const carol = await server.enter(room, carolId);
      await carol.close(1000);
      await alice.expectNone(nothingAbout(bobId), () => alice.next(leftOf(carolId)));
    });

    it('CN3 announces nobody who never was in the room, because recovering took too long', async () => {
      const clock = new ManualClock();
      const flaky = new FlakyBroker(memoryBroker({ clock }));
      const server = await start({ broker: flaky, clock, heartbeatMs: 0 });
      const [room, bobId] = [freshRoom(), freshUser('bob')];
      const { client: alice, joined } = await server.visit(room, freshUser('alice'));
      flaky.hang('history');
      const bob = await server.lobby(bobId);
      bob.send({ type: 'join', id: 'j', room, since: joined.cursor });
      const answer = await advanceUntil(clock, 'the answer', bob.answer('j', 10_000), { withinMs: 5_500, stepMs: 500 });
      expect(answer).toMatchObject({ code: 'unavailable' });
      flaky.heal();
      await say(alice, 'marker');
      await heard(alice, 'marker');
      clock.advance(10_000);
      await say(alice, 'second marker');
      await alice.expectNone(nothingAbout(bobId), () => heard(alice, 'second marker'));
      expect(await server.realtime.to(`chat/${room}`).members()).toBe(1);
    });

    it('CN3 announces to those who are there, not to whoever left', async () => {
      const server = await start();
      const [room, bobId] = [freshRoom(), freshUser('bob')];
      const alice = await server.enter(room, freshUser('alice'));
      const bob = await server.enter(room, bobId);
      await bob.request({ type: 'leave', room });
      await alice.next(leftOf(bobId));
      await bob.expectNone(leftOf(bobId));
    });
  });

  describe('a broker that is away', () => {
    function flakyBroker(clock?: ManualClock): FlakyBroker {
      return new FlakyBroker(memoryBroker(clock ? { clock } : {}));
    }

    it.each([
      ['a plain client', {}],
      ['a browser', { origin: 'http://localhost' }],
      ['rookery.v1', { protocols: ['rookery.v1'] }],
    ])(
      'CN5 answers handshakes with 503 and Retry-After while the broker is known to be away: %s',
      async (_title, options) => {
        const flaky = flakyBroker();
        const server = await start({ broker: flaky });
        flaky.goAway();
        const token = server.token(freshUser());
        const refusal = await TestClient.refusal(`${server.url}/ws/chat/x`, { token, ...options });
        expect(refusal.status).toBe(503);
        expect(Number(refusal.headers['retry-after'])).toBeGreaterThan(0);
        flaky.comeBack();
        await server.visit(freshRoom(), freshUser());
      },
    );

    it('HS4 answers 503 with Retry-After as plain HTTP, one line of JSON', async () => {
      const flaky = flakyBroker();
      const server = await start({ broker: flaky });
      flaky.goAway();
      const { body } = await TestClient.refusal(`${server.url}/ws/chat/x`, { protocols: ['rookery.v1'] });
      expect(JSON.parse(body)).toEqual(expect.any(Object));
      expect(body.trimEnd()).not.toContain('\n');
    });

    it.each(['subscribe', 'positions'] as const)(
      "CN5 closes with 1013 unavailable where %s of the path's room hangs",
      async (operation) => {
        const clock = new ManualClock();
        const flaky = flakyBroker(clock);
        const server = await start({ broker: flaky, clock });
        flaky.hang(operation);
        const client = await server.connect(freshRoom(), freshUser());
        const closed = await advanceUntil(clock, 'the close', client.closed(10_000), { withinMs: 5_500, stepMs: 500 });
        expect(closed.code).toBe(1013);
        expect(closed.reason).toMatch(/^unavailable( retry=\d+)?$/);
        expect(client.received.filter(({ type, room }) => type === 'joined' && room !== '@me')).toEqual([]);
      },
    );

    it.each(['subscribe', 'positions'] as const)(
      "CN5 closes with 1013 unavailable where %s of the path's room fails",
      async (operation) => {
        const flaky = flakyBroker();
        const server = await start({ broker: flaky });
        flaky.fail(operation);
        const client = await server.connect(freshRoom(), freshUser());
        expect((await client.closed()).code).toBe(1013);
        flaky.heal();
        await server.visit(freshRoom(), freshUser());
      },
    );

    it('CN5 closes with 1013 where recovering hangs or fails', async () => {
      const clock = new ManualClock();
      const flaky = flakyBroker(clock);
      const server = await start({ broker: flaky, clock });
      const room = freshRoom();
      const { client: alice, joined } = await server.visit(room, freshUser());
      await say(alice, 'hi');
      flaky.hang('history');
      const hung = await server.connect(room, freshUser(), { since: joined.cursor });
      const closed = await advanceUntil(clock, 'the close', hung.closed(10_000), { withinMs: 5_500, stepMs: 500 });
      expect(closed.code).toBe(1013);
      flaky.heal();
      flaky.fail('history');
      const failed = await server.connect(room, freshUser(), { since: joined.cursor });
      expect((await failed.closed()).code).toBe(1013);
      flaky.heal();
      const good = await server.visit(room, freshUser(), { since: joined.cursor });
      await heard(good.client, 'hi');
    });

    it('CN5 answers joins by frame with unavailable where subscribing hangs or fails, and lives on', async () => {
      const clock = new ManualClock();
      const flaky = flakyBroker(clock);
      const server = await start({ broker: flaky, clock });
      const room = freshRoom();
      const client = await server.enter(freshRoom(), freshUser());
      flaky.hang('subscribe');
      client.send({ type: 'join', id: 'j', room });
      const answer = await advanceUntil(clock, 'the answer', client.answer('j', 10_000), {
        withinMs: 5_500,
        stepMs: 500,
      });
      expect(answer).toMatchObject({ type: 'error', code: 'unavailable', id: 'j' });
      expect(await client.request({ type: 'message', room, text: 'hi' })).toMatchObject({ code: 'not_in_room' });
      flaky.heal();
      expect((await client.request({ type: 'join', id: 'j', room })).type).toBe('joined');
      flaky.fail('subscribe', 1);
      expect(await client.request({ type: 'join', room: freshRoom() })).toMatchObject({ code: 'unavailable' });
      await say(client, 'still here');
    });

    it('CN5 answers publishes with unavailable, and stores the same id once when the broker is back', async () => {
      const flaky = flakyBroker();
      const server = await start({ broker: flaky });
      const client = await server.enter(freshRoom(), freshUser());
      flaky.goAway();
      expect(await client.request({ type: 'message', id: 'm', text: 'hi' })).toMatchObject({
        type: 'error',
        code: 'unavailable',
      });
      expect(await client.request({ type: 'history' })).toMatchObject({ type: 'error', code: 'unavailable' });
      flaky.comeBack();
      expect((await say(client, 'hi', { id: 'm' })).offset).toBe(1);
      expect((await say(client, 'hi', { id: 'm' })).offset).toBe(1);
    });

    it("CN5 gives a policy's no for the path's room HS4's faces, before the upgrade", async () => {
      const server = await start();
      const [room, sub] = [freshRoom(), freshUser()];
      server.policy.noJoin.add(`${sub} ${room}`);
      const refusal = await TestClient.refusal(`${server.url}/ws/chat/${room}`, { token: server.token(sub) });
      expect(refusal.status).toBe(403);
      const client = await server.connect(room, sub, { tokenBy: 'subprotocol' });
      expect(await client.closed()).toEqual({ code: 1008, reason: 'forbidden' });
      expect(client.received).toEqual([]);
      expect(server.probe.calls).toEqual([]);
    });

    it('CN5 answers a join by frame with forbidden where the policy says no', async () => {
      const server = await start();
      const [room, sub] = [freshRoom(), freshUser()];
      server.policy.noJoin.add(`${sub} ${room}`);
      const client = await server.lobby(sub);
      expect(await client.request({ type: 'join', room })).toMatchObject({ type: 'error', code: 'forbidden' });
      expect(await client.request({ type: 'message', room, text: 'hi' })).toMatchObject({ code: 'not_in_room' });
      server.policy.noJoin.clear();
      expect((await client.request({ type: 'join', room })).type).toBe('joined');
    });

    it("CN5 closes with 1011 where a join hook of the path's room fails, and nobody else is harmed", async () => {
      const server = await start({ leaveGraceMs: 0 });
      const [room, sub] = [freshRoom(), freshUser()];
      const other = await server.enter(room, freshUser());
      server.probe.fail(`onJoin:${sub} ${room}`);
      const client = await server.connect(room, sub);
      expect(await client.closed()).toEqual({ code: 1011, reason: 'internal' });
      expect(client.received.filter((frame) => frame.room === room)).toEqual([]);
      expect((await say(other, 'hi')).offset).toBe(1);
      await until('it is out of the room', () => server.registry.members(`chat/${room}`).length === 1);
      expect((await server.realtime.to(`chat/${room}`).presence()).count).toBe(1);
    });

    it('CN5 answers a join by frame with internal where its hook fails, and the connection is not in the room', async () => {
      const server = await start();
      const [room, sub] = [freshRoom(), freshUser()];
      server.probe.fail(`onJoin:${sub} ${room}`);
      const client = await server.lobby(sub);
      expect(await client.request({ type: 'join', room })).toMatchObject({ type: 'error', code: 'internal' });
      expect(await client.request({ type: 'message', room, text: 'hi' })).toMatchObject({ code: 'not_in_room' });
      server.probe.mend(`onJoin:${sub} ${room}`);
      expect((await client.request({ type: 'join', room })).type).toBe('joined');
    });

    it('CN5 lets a join hook finish before joined is sent', async () => {
      const server = await start();
      const [room, sub] = [freshRoom(), freshUser()];
      server.probe.hold(`onJoin:${sub} ${room}`);
      const client = await server.connect(room, sub);
      await client.next('welcome');
      await server.probe.made(`onJoin:${sub} ${room}`);
      await server.enter(room, freshUser());
      expect(client.received.filter((frame) => frame.room === room)).toEqual([]);
      server.probe.release(`onJoin:${sub} ${room}`);
      await joinedIn(client, room);
    });
  });

  describe('kicks', () => {
    it("CN6 sends left and closes with 4501 where it is the path's room", async () => {
      const server = await start();
      const [room, sub] = [freshRoom(), freshUser()];
      const clients = [await server.enter(room, sub), await server.enter(room, sub)];
      const other = await server.enter(room, freshUser());
      await server.realtime.to(`chat/${room}`).kick(sub);
      for (const client of clients) {
        expect(await client.next('left')).toEqual({ type: 'left', room, reason: 'kicked' });
        expect(await client.closed()).toEqual({ code: 4501, reason: 'kicked' });
      }
      expect((await say(other, 'hi')).offset).toBe(1);
    });

    it('CN6 sends left where the room was joined by frame, and nothing of the room after it', async () => {
      const server = await start();
      const [room, other, sub] = [freshRoom(), freshRoom(), freshUser()];
      const client = await server.enter(other, sub);
      await client.request({ type: 'join', room });
      const alice = await server.enter(room, freshUser('alice'));
      await alice.request({ type: 'join', room: other });
      await server.realtime.to(`chat/${room}`).kick(sub);
      expect(await client.next('left')).toEqual({ type: 'left', room, reason: 'kicked' });
      expect(await client.request({ type: 'message', room, text: 'hi' })).toMatchObject({ code: 'not_in_room' });
      await say(alice, 'in the room');
      await say(alice, 'elsewhere', { room: other });
      await heard(client, 'elsewhere');
      await client.expectNone(named('frames of the room', (frame) => frame.room === room && frame.type === 'message'));
      expect((await client.request({ type: 'join', room })).type).toBe('joined');
    });

    it('CN6 refuses joining again for the time that the kick says, by path and by frame', async () => {
      const { server, clock } = await startWithClock({ heartbeatMs: 0 });
      const [room, sub] = [freshRoom(), freshUser()];
      const client = await server.lobby(sub);
      await client.request({ type: 'join', room });
      await server.realtime.to(`chat/${room}`).kick(sub, { forMs: 60_000 });
      await client.next('left');
      expect(await client.request({ type: 'join', room })).toMatchObject({ type: 'error', code: 'forbidden' });
      const refusal = await TestClient.refusal(`${server.url}/ws/chat/${room}`, { token: server.token(sub) });
      expect(refusal.status).toBe(403);
      await server.visit(room, freshUser());
      await server.visit(freshRoom(), sub);
      clock.advance(59_000);
      expect(await client.request({ type: 'join', room })).toMatchObject({ code: 'forbidden' });
      clock.advance(1_001);
      expect((await client.request({ type: 'join', room })).type).toBe('joined');
    });

    it('CN6 keeps the longer of two kicks', async () => {
      const { server, clock } = await startWithClock({ heartbeatMs: 0 });
      const [room, sub] = [freshRoom(), freshUser()];
      const client = await server.lobby(sub);
      await server.realtime.to(`chat/${room}`).kick(sub, { forMs: 60_000 });
      await server.realtime.to(`chat/${room}`).kick(sub, { forMs: 1_000 });
      clock.advance(30_000);
      expect(await client.request({ type: 'join', room })).toMatchObject({ code: 'forbidden' });
    });

    it('CN6 lets no join that is under way slip past a kick', async () => {
      const server = await start();
      const [room, sub] = [freshRoom(), freshUser()];
      server.probe.hold(`onJoin:${sub} ${room}`);
      const client = await server.lobby(sub);
      client.send({ type: 'join', id: 'j', room });
      await server.probe.made(`onJoin:${sub} ${room}`);
      await server.realtime.to(`chat/${room}`).kick(sub, { forMs: 60_000 });
      server.probe.release(`onJoin:${sub} ${room}`);
      const answer = await client.answer('j');
      if (answer.type === 'joined') expect(await client.next('left')).toMatchObject({ room, reason: 'kicked' });
      else expect(answer).toMatchObject({ type: 'error', code: 'forbidden' });
      expect(await client.request({ type: 'message', room, text: 'hi' })).toMatchObject({ code: 'not_in_room' });
    });

    it.each([
      ['subscribing', 'subscribe'],
      ['reading the position', 'positions'],
    ] as const)('CN6 lets no join slip past a kick that comes while it is %s', async (_title, operation) => {
      const flaky = new FlakyBroker(memoryBroker());
      const server = await start({ broker: flaky });
      const [room, sub] = [freshRoom(), freshUser()];
      const client = await server.lobby(sub);
      const called = flaky.called(operation);
      flaky.hang(operation);
      client.send({ type: 'join', id: 'j', room });
      await called;
      await server.realtime.to(`chat/${room}`).kick(sub, { forMs: 60_000 });
      await client.roundTrip();
      flaky.heal();
      const answer = await client.answer('j');
      if (answer.type === 'joined') expect(await client.next('left')).toMatchObject({ room, reason: 'kicked' });
      else expect(answer).toMatchObject({ type: 'error', code: 'forbidden' });
      expect(await client.request({ type: 'message', room, text: 'hi' })).toMatchObject({ code: 'not_in_room' });
    });

    it("CN6 lets nobody slip past a kick on the way into the path's room", async () => {
      const flaky = new FlakyBroker(memoryBroker());
      const server = await start({ broker: flaky });
      const [room, sub] = [freshRoom(), freshUser()];
      const called = flaky.called('subscribe');
      flaky.hang('subscribe');
      const client = await server.connect(room, sub);
      await called;
      await server.realtime.to(`chat/${room}`).kick(sub, { forMs: 60_000 });
      flaky.heal();
      const { code } = await client.closed();
      expect([1008, 4501]).toContain(code);
    });

    it('CN6 closes every connection of a user who is disconnected with 4501, and nobody else', async () => {
      const server = await start();
      const sub = freshUser();
      const clients = [
        await server.lobby(sub),
        await server.enter(freshRoom(), sub),
        await server.enter(freshRoom(), sub),
      ];
      const other = await server.enter(freshRoom(), freshUser());
      await server.realtime.user(sub).disconnect();
      for (const client of clients) expect(await client.closed()).toEqual({ code: 4501, reason: 'kicked' });
      await say(other, 'still here');
      await server.visit(freshRoom(), sub);
    });

    it('CN6 refuses the handshakes of a user who is disconnected for a time', async () => {
      const { server, clock } = await startWithClock({ heartbeatMs: 0 });
      const sub = freshUser();
      await server.realtime.user(sub).disconnect({ forMs: 10_000 });
      const refusal = await TestClient.refusal(`${server.url}/ws/chat`, { token: server.token(sub) });
      expect(refusal.status).toBe(403);
      const client = await server.connect(freshRoom(), sub, { tokenBy: 'subprotocol' });
      expect((await client.closed()).code).toBe(1008);
      clock.advance(10_001);
      await server.visit(freshRoom(), sub);
    });
  });

  describe('tokens that end', () => {
    it('AU1 closes with 4001 at the expiry, not before', async () => {
      const { server, clock } = await startWithClock({ heartbeatMs: 0 });
      const { client, welcome } = await server.visit(freshRoom(), freshUser(), { expiresInMs: 60_000 });
      clock.advance((welcome.expiresAt ?? 0) - clock.now() - 1_000);
      await client.roundTrip();
      clock.advance(2_000);
      expect(await client.closed()).toEqual({ code: 4001, reason: 'token_expired' });
    });

    it('AU1 closes at the later expiry that auth brought', async () => {
      const { server, clock } = await startWithClock({ heartbeatMs: 0 });
      const [room, sub] = [freshRoom(), freshUser()];
      const client = await server.enter(room, sub, { expiresInMs: 60_000 });
      const token = server.token(sub, {}, { expiresInMs: 600_000 });
      expect(await client.request({ type: 'auth', token })).toMatchObject({
        type: 'ack',
        data: { expiresAt: Math.floor((clock.now() + 600_000) / 1000) * 1000 },
      });
      clock.advance(300_000);
      await say(client, 'still here');
      clock.advance(301_000);
      expect(await client.closed()).toEqual({ code: 4001, reason: 'token_expired' });
    });

    it('AU1 authorises the rooms anew: those no longer allowed get left forbidden', async () => {
      const server = await start();
      const [room, allowed, sub] = [freshRoom(), freshRoom(), freshUser()];
      const client = await server.lobby(sub);
      for (const each of [room, allowed]) await client.request({ type: 'join', room: each });
      server.policy.noJoin.add(`${sub} ${room}`);
      const token = server.token(sub, {}, { expiresInMs: 7_200_000 });
      expect((await client.request({ type: 'auth', token })).type).toBe('ack');
      expect(await client.next('left')).toEqual({ type: 'left', room, reason: 'forbidden' });
      expect(await client.request({ type: 'message', room, text: 'hi' })).toMatchObject({ code: 'not_in_room' });
      expect((await say(client, 'hi', { room: allowed })).offset).toBe(1);
    });

    it('AU1 keeps the old expiry where auth failed', async () => {
      const { server, clock } = await startWithClock({ heartbeatMs: 0 });
      const client = await server.enter(freshRoom(), freshUser(), { expiresInMs: 60_000 });
      const token = server.token(freshUser(), {}, { expiresInMs: 600_000 });
      expect((await client.request({ type: 'auth', token })).type).toBe('error');
      clock.advance(61_000);
      expect((await client.closed()).code).toBe(4001);
    });
  });
});
