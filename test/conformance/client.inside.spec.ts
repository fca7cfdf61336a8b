import { afterEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { RealtimeClient } from '../../src/client/index.js';
import type { ConnectionState, RealtimeClientOptions, WebSocketLike } from '../../src/client/index.js';
import { RealtimeEvents } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { freshRoom, freshUser, range, say } from '../support/chat.js';
import { SECRET, startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { mint } from '../support/tokens.js';
import { until } from '../support/within.js';

/** A WebSocket that a test welcomes and ends by hand. */
class HandSocket implements WebSocketLike {
  readyState = 0;
  onmessage: unknown = null;
  onclose: unknown = null;
  onerror: unknown = null;
  static made: HandSocket[] = [];

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    HandSocket.made.push(this);
  }

  send(): void {}

  close(): void {}

  welcome(): void {
    const limits = { framesPerSecond: 0, burst: 0, rooms: 0 };
    const user = { id: 'u', name: 'u' };
    const welcome = {
      type: 'welcome',
      connection: 'c',
      user,
      heartbeatMs: 0,
      maxFrameBytes: 1,
      dedupeTtlMs: 1,
      limits,
    };
    (this.onmessage as (event: { data: string }) => void)({ data: JSON.stringify(welcome) });
  }

  end(code: number, reason = ''): void {
    (this.onclose as (event: { code: number; reason: string }) => void)({ code, reason });
  }
}

describe("Rookery's own client", () => {
  let chat: ChatServer | undefined;
  let proxy: TcpProxy | undefined;
  const clients: RealtimeClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await proxy?.close();
    proxy = undefined;
    await chat?.close();
    chat = undefined;
  });

  function connect(url: string, options: RealtimeClientOptions): RealtimeClient {
    const client = new RealtimeClient(`${url}/ws/chat`, { WebSocket, ...options });
    clients.push(client);
    client.connect();
    return client;
  }

  describe('coming back', () => {
    /** A client whose time, luck and sockets the test decides. */
    function byHand(random: number, wake?: (signal: () => void) => void) {
      const clock = new ManualClock();
      HandSocket.made = [];
      const signals = {
        isOffline: () => false,
        subscribe: (signal: () => void) => {
          wake?.(signal);
          return () => undefined;
        },
      };
      const client = connect('ws://127.0.0.1:1', {
        WebSocket: HandSocket,
        clock,
        random: () => random,
        signals,
        token: 't',
      });
      const socket = async (): Promise<HandSocket> => {
        const before = HandSocket.made.length;
        await until(
          'the client makes a socket',
          () => HandSocket.made.length > before || HandSocket.made.at(-1)?.onclose !== null,
        );
        const last = HandSocket.made.at(-1);
        if (!last) throw new Error('expected a socket');
        return last;
      };
      const waitMs = (): number | undefined => {
        const state: ConnectionState = client.state;
        return state.status === 'disconnected' && state.retryAt !== undefined ? state.retryAt - clock.now() : undefined;
      };
      return { clock, client, socket, waitMs };
    }

    it.each([
      [0, [250, 250, 250]],
      [0.5, [750, 1_250, 2_250, 4_250, 8_250, 15_250, 15_250]],
      [1, [1_250, 2_250, 4_250, 8_250, 16_250, 30_250, 30_250]],
    ])('CC2 waits 250 ms and a part of 1 s doubling to 30 s: luck %d', async (random, waits) => {
      const { clock, socket, waitMs } = byHand(random);
      for (const [attempt, expected] of waits.entries()) {
        await until(`attempt ${attempt}`, () => HandSocket.made.length === attempt + 1);
        (await socket()).end(1006);
        expect(waitMs()).toBe(expected);
        clock.advance(expected);
      }
    });

    it('CC2 waits at least as long as it was advised', async () => {
      const { clock, socket, waitMs } = byHand(0);
      (await socket()).end(1013, 'unavailable retry=9000');
      expect(waitMs()).toBe(9_000);
      clock.advance(8_999);
      expect(HandSocket.made).toHaveLength(1);
      clock.advance(1);
      await until('the next attempt', () => HandSocket.made.length === 2);
    });

    it('CC2 begins anew after 5 s of being connected, not before', async () => {
      const { clock, socket, waitMs } = byHand(1);
      const waits: (number | undefined)[] = [];
      for (const [attempt, connectedMs] of [0, 4_999, 5_000].entries()) {
        await until(`attempt ${attempt}`, () => HandSocket.made.length === attempt + 1);
        const made = await socket();
        made.welcome();
        clock.advance(connectedMs);
        made.end(1006);
        waits.push(waitMs());
        clock.advance(waitMs() ?? 0);
      }
      expect(waits).toEqual([1_250, 2_250, 1_250]);
    });

    it('CC2 comes back sooner when the device wakes, never below 250 ms', async () => {
      let wake: () => void = () => undefined;
      const { clock, socket } = byHand(1, (signal) => (wake = signal));
      (await socket()).end(1006);
      wake();
      clock.advance(249);
      expect(HandSocket.made).toHaveLength(1);
      clock.advance(1);
      await until('the next attempt', () => HandSocket.made.length === 2);
    });

    it('CC2 takes a handshake that failed without a code for 1006', async () => {
      const { socket, client } = byHand(0);
      (await socket()).end(0);
      expect(client.state).toMatchObject({ status: 'disconnected', code: 1006, retryAt: expect.any(Number) });
    });

    it.each([
      [1000, '', false],
      [1001, 'going_away', true],
      [1008, 'origin', false],
      [1011, 'internal', true],
      [1012, 'service_restart', true],
      [4000, 'heartbeat_timeout', true],
      [4002, 'slow_consumer', true],
      [4003, 'rate_limited', true],
      [4444, 'a_word_of_tomorrow', true],
      [4500, 'bad_room', false],
      [4501, 'kicked', false],
      [4503, 'too_many_errors', false],
      [4999, 'a_word_of_tomorrow', false],
    ])('CC1 knows whether to come back after %i %s', async (code, reason, comesBack) => {
      const { socket, waitMs } = byHand(0);
      (await socket()).end(code, reason);
      expect(waitMs() !== undefined).toBe(comesBack);
    });
  });

  describe('against a server', () => {
    it('HS5 offers rookery.v1 and bearer.<jwt>, and puts no token into the URL', async () => {
      chat = await startChat();
      const sub = freshUser();
      const client = connect(chat.url, { token: chat.token(sub) });
      await until('it is connected', () => client.state.status === 'connected');
      const [connection] = chat.registry.connections();
      expect(connection?.identity.id).toBe(sub);
      expect(connection?.headers['sec-websocket-protocol']).toMatch(/^rookery\.v1, ?bearer\./);
      expect(connection?.headers.authorization).toBeUndefined();
      expect(connection?.url).not.toContain('token');
    });

    it('RC6 shows the application every frame once, in order, through cuts', async () => {
      chat = await startChat({ messagesPerSecond: 0 });
      proxy = await startTcpProxy(Number(new URL(chat.url).port));
      const room = freshRoom();
      const client = connect(`ws://127.0.0.1:${proxy.port}`, { token: chat.token(freshUser()), random: () => 0 });
      const seen: unknown[] = [];
      client.room(room).on('message', (frame) => seen.push((frame as { text?: string }).text));
      const writer = await chat.enter(room, freshUser());
      await until('it is in the room', () => client.room(room).status === 'joined');
      for (const n of range(1, 300)) {
        await say(writer, String(n));
        if (n % 50 === 0) proxy.cut();
      }
      await until('the last frame came', () => seen.at(-1) === '300', 15_000);
      expect(seen).toEqual(range(1, 300).map(String));
    });

    it('CL2 stores once what was sent across a cut', async () => {
      chat = await startChat({ messagesPerSecond: 0 });
      proxy = await startTcpProxy(Number(new URL(chat.url).port));
      const room = freshRoom();
      const client = connect(`ws://127.0.0.1:${proxy.port}`, { token: chat.token(freshUser()), random: () => 0 });
      await until('it is in the room', () => client.room(room).status === 'joined');
      const sent = range(1, 30).map((n) => client.room(room).send('message', { text: String(n) }));
      proxy.cut();
      await Promise.all(sent);
      const { frames } = await chat.realtime.to(`chat/${room}`).history({ limit: 100 });
      expect(frames.map((frame) => frame['text'])).toEqual(range(1, 30).map(String));
    });

    it('CL6 rejects the one send that is too big, before it leaves, and lives on', async () => {
      chat = await startChat({ maxFrameBytes: 1_000 });
      const client = connect(chat.url, { token: chat.token(freshUser()) });
      const room = client.room(freshRoom());
      await until('it is in the room', () => room.status === 'joined');
      await expect(room.send('message', { text: 'x'.repeat(1_000) })).rejects.toMatchObject({ code: 'too_big' });
      await room.send('message', { text: 'small' });
      expect(client.state.status).toBe('connected');
    });

    it('CL7 paces itself by the welcome and never sees rate_limited or 4003', async () => {
      chat = await startChat({ messagesPerSecond: 100, messagesBurst: 10 });
      const failed: string[] = [];
      const events = chat.server.app.get(RealtimeEvents, { strict: false });
      events.on('frameFailed', ({ code }) => failed.push(code));
      const client = connect(chat.url, { token: chat.token(freshUser()) });
      const room = client.room(freshRoom());
      await Promise.all(range(1, 100).map((n) => room.send('message', { text: String(n) })));
      expect(failed).toEqual([]);
      expect(client.state.status).toBe('connected');
    });

    it('AU1 keeps a page that stays open through ten lives of its token, on one connection', async () => {
      const clock = new ManualClock();
      chat = await startChat({ clock, heartbeatMs: 0 });
      const [sub, name] = [freshUser(), freshRoom()];
      const lifeMs = 600_000;
      let fetched = 0;
      const client = connect(chat.url, {
        clock,
        token: () => {
          fetched += 1;
          return mint(SECRET, { sub }, { now: clock.now(), expiresInMs: lifeMs });
        },
      });
      const room = client.room(name);
      const closed: unknown[] = [];
      client.on('state', (state) => state.status === 'disconnected' && closed.push(state));
      await until('it is in the room', () => room.status === 'joined');
      for (const life of range(1, 10)) {
        clock.advance(lifeMs - 60_000);
        await until('a fresh token was fetched', () => fetched === life + 1);
        // By its answer the client has that of its token too.
        expect((await room.send('message', { text: 'still here' })).offset).toBe(life);
      }
      expect(closed).toEqual([]);
    });

    it('AU1 tells the application which room the fresh token does not open', async () => {
      const clock = new ManualClock();
      chat = await startChat({ clock, heartbeatMs: 0 });
      const [sub, kept, lost] = [freshUser(), freshRoom(), freshRoom()];
      const client = connect(chat.url, {
        clock,
        token: () => mint(SECRET, { sub }, { now: clock.now(), expiresInMs: 600_000 }),
      });
      const rooms = [client.room(kept), client.room(lost)];
      const left: unknown[] = [];
      rooms[1]?.on('left', ({ reason }) => left.push(reason));
      await until('it is in both rooms', () => rooms.every(({ status }) => status === 'joined'));
      chat.policy.noJoin.add(`${sub} ${lost}`);
      clock.advance(540_000);
      await until('it is out of one', () => left.length > 0);
      expect([left, rooms.map(({ status }) => status)]).toEqual([['forbidden'], ['joined', 'left']]);
      await expect(rooms[1]?.send('message', { text: 'hi' })).rejects.toMatchObject({ code: 'left' });
    });

    it('RC6 tells the application of a gap, and goes on after it', async () => {
      chat = await startChat({ historySize: 3, messagesPerSecond: 0 });
      proxy = await startTcpProxy(Number(new URL(chat.url).port));
      const name = freshRoom();
      const client = connect(`ws://127.0.0.1:${proxy.port}`, { token: chat.token(freshUser()), random: () => 0 });
      const seen: unknown[] = [];
      const room = client.room(name);
      room.on('message', (frame) => seen.push((frame as { text?: string }).text));
      const writer = await chat.enter(name, freshUser());
      await until('it is in the room', () => room.status === 'joined');
      await say(writer, 'before');
      await until('the first frame came', () => seen.length === 1);
      proxy.block();
      for (const n of range(1, 10)) await say(writer, `lost ${n}`);
      proxy.mend();
      await until(
        'it is in the room again',
        () => client.state.status === 'connected' && room.status === 'joined',
        10_000,
      );
      await say(writer, 'after');
      await until('the last frame came', () => seen.at(-1) === 'after');
      expect(seen).toEqual(['before', 'after']);
    });
  });
});
