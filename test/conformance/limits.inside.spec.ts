import { once } from 'node:events';
import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { RealtimeEvents } from '../../src/index.js';
import type { RealtimeOptions } from '../../src/index.js';
import { HandshakeRefusedError, TestClient } from '../../src/testing/index.js';
import { freshRoom, freshUser, range, say } from '../support/chat.js';
import { startChat, startChatWithClock } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { until } from '../support/within.js';

describe('limits on connections', () => {
  let chat: ChatServer | undefined;

  afterEach(async () => {
    await chat?.close();
    chat = undefined;
  });

  async function start(options: RealtimeOptions): Promise<ChatServer> {
    chat = await startChat(options);
    return chat;
  }

  /** How a handshake without an Origin is refused. */
  function refused(options: Parameters<typeof TestClient.refusal>[1] = {}) {
    return TestClient.refusal(`${chat!.url}/ws/chat/${freshRoom()}`, { token: chat!.token(freshUser()), ...options });
  }

  it('HS4 answers 503 with Retry-After above maxConnections, to everybody; those who are in go on', async () => {
    const { enter } = { enter: (await start({ maxConnections: 2 })).enter.bind(chat) };
    const [first] = [await enter(freshRoom(), freshUser()), await enter(freshRoom(), freshUser())];
    const plain = await refused();
    expect({ status: plain.status, retryAfter: plain.headers['retry-after'] }).toEqual({
      status: 503,
      retryAfter: '2',
    });
    expect((await refused({ protocols: ['rookery.v1'], origin: chat!.url.replace('ws', 'http') })).status).toBe(503);
    expect((await say(first, 'still here')).offset).toBe(1);
    first.destroy();
    await until('there is a place again', () =>
      enter(freshRoom(), freshUser()).then(
        () => true,
        (error: unknown) => !(error instanceof HandshakeRefusedError),
      ),
    );
  });

  it('HS4 answers 429, or 1013 limit, above maxConnectionsPerIp', async () => {
    await start({ maxConnectionsPerIp: 1, handshake: { trustProxy: true } });
    const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
    await chat!.enter(freshRoom(), freshUser(), from('198.51.100.1'));
    await chat!.enter(freshRoom(), freshUser(), from('198.51.100.2'));
    expect((await refused(from('198.51.100.1'))).status).toBe(429);
    const client = await chat!.connect(freshRoom(), freshUser(), {
      ...from('198.51.100.2'),
      protocols: ['rookery.v1'],
    });
    expect(await client.closed()).toEqual({ code: 1013, reason: 'limit' });
  });

  it('HS4 answers 429, or 1013 limit, to a user who has maxConnectionsPerUser', async () => {
    await start({ maxConnectionsPerUser: 2 });
    const sub = freshUser();
    const [first] = [await chat!.enter(freshRoom(), sub), await chat!.enter(freshRoom(), sub)];
    expect((await refused({ token: chat!.token(sub) })).status).toBe(429);
    const client = await chat!.connect(freshRoom(), sub, { protocols: ['rookery.v1'] });
    expect(await client.closed()).toEqual({ code: 1013, reason: 'limit' });
    await chat!.enter(freshRoom(), freshUser());
    first.destroy();
    await until('there is a seat again', () =>
      chat!.enter(freshRoom(), sub).then(
        () => true,
        () => false,
      ),
    );
  });

  it('HS4 closes the oldest connection of a user with 4502 where a newer one replaces it', async () => {
    await start({ maxConnectionsPerUser: 2, whenUserIsFull: 'replace' });
    const [sub, room] = [freshUser(), freshRoom()];
    const clients = [];
    for (const _ of range(1, 3)) clients.push(await chat!.enter(room, sub));
    expect(await clients[0]!.closed()).toEqual({ code: 4502, reason: 'replaced' });
    expect(clients.slice(1).map(({ isOpen }) => isOpen)).toEqual([true, true]);
    expect((await say(clients[2]!, 'here')).offset).toBe(1);
  });

  it('HS4 counts a handshake from its beginning: a hundred at once never get past a limit of ten', async () => {
    await start({ maxConnections: 10 });
    const results = await Promise.allSettled(range(1, 100).map(() => chat!.lobby(freshUser())));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    expect(chat!.registry.connections()).toHaveLength(10);
  });

  it('HS4 gives back the place and the seat of a handshake that was refused, or whose client went away', async () => {
    await start({ maxConnections: 2, maxConnectionsPerUser: 2 });
    const [sub, room] = [freshUser(), freshRoom()];
    chat!.policy.noJoin.add(`${sub} ${room}`);
    for (const _ of range(1, 5)) {
      expect((await TestClient.refusal(`${chat!.url}/ws/chat/${room}`, { token: chat!.token(sub) })).status).toBe(403);
      const gone = new WebSocket(`${chat!.url}/ws/chat?token=${chat!.token(sub)}`);
      gone.on('error', () => undefined);
      gone.terminate();
    }
    await until('both places are free', () =>
      Promise.all([chat!.lobby(sub), chat!.lobby(sub)]).then(
        () => true,
        async () => {
          await chat!.cleanUp();
          return false;
        },
      ),
    );
  });

  it('HS4 gives back the place of a request that is no handshake after all: its key is none', async () => {
    await start({ maxConnections: 1 });
    const url = `${chat!.url.replace('ws', 'http')}/ws/chat?token=${chat!.token(freshUser())}`;
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'short',
    };
    for (const _ of range(1, 3)) {
      const [answer] = (await once(get(url, { headers }), 'response')) as [IncomingMessage];
      expect(answer.resume().statusCode).toBe(400);
    }
    await chat!.lobby(freshUser());
    expect(chat!.registry.connections()).toHaveLength(1);
  });

  it('HS4 answers 503 above handshake.maxPerSecond, and lets the next ones in a moment later', async () => {
    const started = await startChatWithClock({ handshake: { maxPerSecond: 5 } });
    chat = started.chat;
    for (const _ of range(1, 5)) await chat.lobby(freshUser());
    const { status, headers } = await refused();
    expect([status, headers['retry-after']]).toEqual([503, '2']);
    started.clock.advance(1_000);
    for (const _ of range(1, 5)) await chat.lobby(freshUser());
  });

  it('HS4 answers 503 while the event loop is behind, and those who are in go on', async () => {
    await start({ handshake: { maxLoopLagMs: 200 } });
    const whys: string[] = [];
    chat!.server.app.get(RealtimeEvents).on('handshakeRefused', ({ why }) => whys.push(why));
    const client = await chat!.enter(freshRoom(), freshUser());
    const end = performance.now() + 800;
    while (performance.now() < end);
    expect((await refused()).status).toBe(503);
    expect(whys).toEqual([expect.stringContaining('maxLoopLagMs')]);
    expect((await say(client, 'still here')).offset).toBe(1);
    await until('it has caught up', async () =>
      chat!.lobby(freshUser()).then(
        () => true,
        () => false,
      ),
    );
  });

  it.each([
    ['WebSocket pings', (client: TestClient) => client.ws.ping()],
    ['unasked pongs', (client: TestClient) => client.ws.pong()],
    ['ping frames', (client: TestClient) => client.send({ type: 'ping' })],
    ['auth frames', (client: TestClient) => client.send({ type: 'auth', token: 'none' })],
  ])('CL7 closes a flood of %s with 4003, and bears ten a second', async (_what, send) => {
    const started = await startChatWithClock({ heartbeatMs: 0 });
    chat = started.chat;
    const client = await chat.lobby(freshUser());
    for (const _second of range(1, 70)) {
      for (const _ of range(1, 10)) send(client);
      await client.request({ type: 'history', room: 'nowhere' }); // What was sent before has arrived.
      started.clock.advance(1_000);
    }
    expect(client.isOpen).toBe(true);
    for (const _ of range(1, 601)) send(client);
    expect(await client.closed()).toEqual({ code: 4003, reason: 'rate_limited' });
  });
});
