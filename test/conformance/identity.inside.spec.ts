import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { RealtimeEvents } from '../../src/index.js';
import type { RealtimeOptions } from '../../src/index.js';
import { TestClient } from '../../src/testing/index.js';
import { inspect } from 'node:util';
import { CapturedLogger } from '../support/captured-logger.js';
import { freshRoom, freshUser, heard, joinedIn, named, say } from '../support/chat.js';
import { SECRET, startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { forge } from '../support/tokens.js';
import { until } from '../support/within.js';

describe('identity, from inside', () => {
  let chat: ChatServer | undefined;

  afterEach(() => chat?.close());

  async function start(auth: RealtimeOptions['auth'] = {}): Promise<ChatServer> {
    chat = await startChat({ auth });
    return chat;
  }

  /** Says something as whoever the connection is, and gives what the room saw. */
  async function saidBy(client: TestClient, text: string, more: Record<string, unknown> = {}) {
    client.send({ type: 'message', id: randomUUID(), text, ...more });
    return heard(client, text);
  }

  describe('without a token', () => {
    it('HS9 lets nobody in without a token where nothing else is said', async () => {
      const server = await start();
      expect((await TestClient.refusal(`${server.url}/ws/chat/x`)).status).toBe(401);
    });

    it('HS9 makes each an identity of its own', async () => {
      const server = await start({ allowAnonymous: true });
      const [one, two] = [await server.visit(freshRoom(), undefined), await server.visit(freshRoom(), undefined)];
      expect(one.welcome.user.id).toMatch(/^anon-.{8,}$/);
      expect(two.welcome.user.id).toMatch(/^anon-.{8,}$/);
      expect(one.welcome.user.id).not.toBe(two.welcome.user.id);
      expect(one.welcome).not.toHaveProperty('expiresAt');
    });

    it('HS9 takes the name from ?name, cleaned, and then from nowhere else', async () => {
      const server = await start({ allowAnonymous: true });
      const room = freshRoom();
      const { client, welcome } = await server.visit(room, undefined, {
        query: { name: `Al\u0000ice${'x'.repeat(99)}` },
      });
      expect(welcome.user.name).toBe(`Alice${'x'.repeat(59)}`);
      expect((await saidBy(client, 'hi', { user: 'mallory' })).user).toBe(welcome.user.name);
    });

    it('HS9 takes the name else from the first frame that goes to a handler, and keeps it', async () => {
      const server = await start({ allowAnonymous: true });
      const client = await server.enter(freshRoom(), undefined);
      await client.request({ type: 'ping', user: 'pinger' });
      await client.request({ type: 'history', user: 'reader' });
      expect((await saidBy(client, 'one', { user: 'b\u0007ob' })).user).toBe('bob');
      expect((await saidBy(client, 'two', { user: 'eve' })).user).toBe('bob');
      expect((await saidBy(client, 'three')).user).toBe('bob');
    });

    it('HS9 tells the name that was taken wherever the room is told of the user', async () => {
      const server = await start({ allowAnonymous: true });
      const room = freshRoom();
      const { client, welcome } = await server.visit(room, undefined);
      const other = await server.enter(room, freshUser('other'));
      await saidBy(client, 'one', { user: 'bob' });
      const { users } = (await other.request({ type: 'presence', room })) as unknown as { users: object[] };
      expect(users).toContainEqual({ id: welcome.user.id, name: 'bob' });
      client.send({ type: 'leave', room });
      const left = await other.next((frame) => frame.type === 'system' && frame['event'] === 'left');
      expect(left).toMatchObject({ user: 'bob', text: 'bob left' });
    });

    it('HS9 calls whoever says no name anonymous, from then on', async () => {
      const server = await start({ allowAnonymous: true });
      const { client, welcome } = await server.visit(freshRoom(), undefined);
      const first = await saidBy(client, 'one');
      expect(first).toMatchObject({ user: 'anonymous', userId: welcome.user.id });
      expect((await saidBy(client, 'two', { user: 'late' })).user).toBe('anonymous');
    });

    it('HS9 never takes the name of somebody with a token from a frame', async () => {
      const server = await start({ allowAnonymous: true });
      const client = await server.enter(freshRoom(), freshUser('alice'), { query: { name: 'mallory' } });
      expect((await saidBy(client, 'hi', { user: 'mallory' })).user).toBe('alice');
    });

    it('HS9 refuses a token that is there and invalid, and never downgrades it', async () => {
      const server = await start({ allowAnonymous: true });
      const url = `${server.url}/ws/chat/x`;
      for (const token of [
        'garbage',
        forge(server.token(freshUser())),
        server.token(freshUser(), {}, { expiresInMs: -60_000 }),
      ]) {
        for (const tokenBy of ['header', 'query'] as const) {
          expect((await TestClient.refusal(url, { token, tokenBy })).status).toBe(401);
        }
        const client = await server.connect('x', undefined, { token, tokenBy: 'subprotocol' });
        expect((await client.closed()).reason).toBe('unauthenticated');
      }
      expect((await TestClient.refusal(url, { query: { token: '' } })).status).toBe(401);
    });

    it('HS9 lets them in only in the namespaces that are named', async () => {
      const server = await start({ allowAnonymous: ['elsewhere'] });
      expect((await TestClient.refusal(`${server.url}/ws/chat/x`)).status).toBe(401);
    });
  });

  it('HS9 maps id and name otherwise where the application says so', async () => {
    const identity = (claims: Readonly<Record<string, unknown>>): { id: string; name?: string } => ({
      id: `uid-${String(claims['uid'])}`,
      name: 'mapped',
    });
    const server = await start({ identity });
    const { welcome } = await server.visit(freshRoom(), freshUser(), { claims: { uid: 7 } });
    expect(welcome.user).toEqual({ id: 'uid-7', name: 'mapped' });
  });

  describe('the room of the user', () => {
    it('FR7 makes each connection of an identified user a member of @me from the start', async () => {
      const server = await start();
      const client = await server.connect(undefined, freshUser());
      expect((await client.nextFrame()).type).toBe('welcome');
      expect(await joinedIn(client, '@me')).toMatchObject({ cursor: expect.stringMatching(/^[\w-]{1,32}\.0$/) });
    });

    it('FR7 reaches all connections of the user with the same bytes, and nobody else', async () => {
      const server = await start();
      const [sub, room] = [freshUser(), freshRoom()];
      const mine = [await server.lobby(sub), await server.enter(room, sub), await server.lobby(sub)];
      const other = await server.enter(room, freshUser());
      for (const client of mine) await joinedIn(client, '@me');
      await server.realtime.user(sub).publish('notice', { text: 'for you' });
      const texts = await Promise.all(mine.map(async (client) => client.textOf(await client.next('notice'))));
      expect(new Set(texts).size).toBe(1);
      expect(JSON.parse(texts[0] ?? '')).toMatchObject({ type: 'notice', room: '@me', offset: 1, text: 'for you' });
      await say(mine[1]!, 'marker');
      await other.expectNone('notice', () => heard(other, 'marker'));
    });

    it('FR7 answers history and presence of @me', async () => {
      const server = await start();
      const sub = freshUser('alice');
      const client = await server.lobby(sub);
      await joinedIn(client, '@me');
      await server.realtime.user(sub).publish('notice', { n: 1 });
      const live = await client.next('notice');
      expect(await client.request({ type: 'history', room: '@me' })).toMatchObject({ frames: [live], complete: true });
      expect(await client.request({ type: 'presence', room: '@me' })).toMatchObject({
        room: '@me',
        count: 1,
        users: [{ id: sub, name: 'alice' }],
      });
    });

    it('FR7 lets only the server publish there', async () => {
      const server = await start();
      const sub = freshUser();
      const client = await server.lobby(sub);
      await joinedIn(client, '@me');
      const answer = await client.request({ type: 'message', room: '@me', text: 'hi' });
      expect(answer).toMatchObject({ type: 'error', code: 'forbidden' });
      await server.realtime.user(sub).publish('notice', {});
      expect((await client.next('notice')).offset).toBe(1);
    });

    it('FR7 lets nobody into the room of another user', async () => {
      const server = await start();
      const [alice, bob] = [freshUser(), freshUser()];
      const client = await server.lobby(bob);
      const address = `@user/${Buffer.from(alice).toString('base64url')}`;
      for (const room of [address, address.slice(6), `@${address.slice(6)}`, '@all', '@me/', '@user']) {
        const answer = await client.request({ type: 'join', room });
        if (answer.type === 'error') continue;
        await server.realtime.user(alice).publish('notice', {});
        await client.expectNone('notice');
      }
    });

    it('FR7 recovers it by ?me', async () => {
      const server = await start();
      const sub = freshUser();
      const first = await server.lobby(sub);
      const { cursor } = await joinedIn(first, '@me');
      await server.realtime.user(sub).publish('notice', { n: 1 });
      first.destroy();
      await server.realtime.user(sub).publish('notice', { n: 2 });
      const second = await server.connect(undefined, sub, { me: cursor });
      expect(await joinedIn(second, '@me')).toMatchObject({ recovered: true, cursor });
      expect((await second.take(2, 'notice')).map(({ offset }) => offset)).toEqual([1, 2]);
    });

    it('FR7 has none for connections without a token', async () => {
      const server = await start({ allowAnonymous: true });
      const client = await server.lobby(undefined);
      await client.expectNone(named('joined of @me', ({ type, room }) => type === 'joined' && room === '@me'));
    });

    it('FR7 keeps users apart whose ids look alike', async () => {
      const server = await start();
      const base = randomUUID();
      const ids = [base, `${base}/`, `${base} `, `${base}\u0000`, base.toUpperCase()];
      const clients = await Promise.all(ids.map((id) => server.lobby(id)));
      for (const client of clients) await joinedIn(client, '@me');
      for (const id of ids) await server.realtime.user(id).publish('notice', { for: id });
      for (const [i, client] of clients.entries()) {
        expect(await client.next('notice')).toMatchObject({ for: ids[i], offset: 1 });
        await client.expectNone('notice');
      }
    });
  });

  it('HS7 shows a token in no log line, no event, no error and no close reason', async () => {
    const logger = new CapturedLogger();
    const origins = { allowedOrigins: ['https://app.example'] };
    const auth = { jwt: { secret: SECRET, cookie: 'session' } };
    chat = await startChat({ auth, handshake: origins }, { logger });
    const server = chat;
    const told: string[] = [];
    const events = server.server.app.get(RealtimeEvents, { strict: false });
    for (const name of [
      'connectionOpened',
      'connectionClosed',
      'handshakeRefused',
      'roomJoined',
      'roomLeft',
      'frameFailed',
      'hookFailed',
      'taskFailed',
    ] as const) {
      events.on(name, (event) => told.push(inspect(event, { depth: 12 })));
    }
    const good = server.token(freshUser());
    const tokens = [
      good,
      forge(good),
      server.token(freshUser(), {}, { expiresInMs: -60_000 }),
      'garbage-token-without-dots',
    ];
    for (const token of tokens) {
      const headers = { cookie: `session=${token}` };
      for (const options of [
        { token },
        { token, tokenBy: 'query' as const },
        { token, tokenBy: 'subprotocol' as const },
        { headers, origin: 'https://app.example' },
        { token, origin: 'https://evil.example' },
        { token, tokenBy: 'query' as const, path: '/ws/chat/@bad' },
        { token, tokenBy: 'query' as const, path: '/ws/chat/%zz' },
        { protocols: [`bearer.${token}`] },
      ]) {
        try {
          const client = await server.connect('x', undefined, options);
          const welcomed = await Promise.race([client.next('welcome').catch(() => undefined), client.closed()]);
          if (welcomed && 'type' in welcomed) {
            client.send({ type: 'boom', id: 'b' });
            told.push(JSON.stringify(await client.answer('b')));
            client.send({ type: 'auth', id: 'a', token });
            told.push(JSON.stringify(await client.answer('a')));
            client.sendText(`not json ${token}`);
            told.push(JSON.stringify(await client.next('error')));
          }
          told.push(JSON.stringify(await client.close().catch(() => client.closed())));
        } catch (error) {
          told.push(inspect(error, { depth: 12 }));
        }
      }
    }
    await until('something was logged', () => logger.lines.length > 0);
    for (const token of tokens) {
      const secretPart = token.split('.').at(-1) ?? token;
      expect(told.filter((text) => text.includes(secretPart))).toEqual([]);
      expect(logger.lines.filter((line) => line.includes(secretPart))).toEqual([]);
    }
  });
});
