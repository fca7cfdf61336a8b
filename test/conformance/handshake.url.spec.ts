import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { TestClient } from '../../src/testing/index.js';
import { freshRoom, freshUser, joinedIn, named, say, sayMany } from '../support/chat.js';
import { openChat } from '../support/chat-server.js';
import { RawWebSocket } from '../support/raw-websocket.js';
import { forge, mint, mintUnsigned } from '../support/tokens.js';

type OpenChat = Awaited<ReturnType<typeof openChat>>;

describe('the handshake, from outside', () => {
  let chat: OpenChat;

  beforeAll(async () => {
    chat = await openChat();
  });
  afterEach(() => chat.cleanUp());
  afterAll(() => chat.close());

  /** Asks for a request target that no well-behaved client would send. */
  async function ask(path: string, headers: Record<string, string> = {}) {
    const raw = RawWebSocket.send(chat.url, { path, headers });
    try {
      return await raw.answer();
    } finally {
      raw.destroy();
    }
  }

  const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

  describe('rooms in the path', () => {
    it('HS1 upgrades /ws/chat/:room and joins that room', async () => {
      const room = freshRoom();
      const client = await chat.connect(room, freshUser());
      expect((await client.nextFrame()).type).toBe('welcome');
      expect(await joinedIn(client, room)).toMatchObject({ type: 'joined', room });
      expect((await say(client, 'hi')).offset).toBe(1);
    });

    it('HS1 joins no room on /ws/chat', async () => {
      const client = await chat.lobby(freshUser());
      await client.expectNone(named('joined', ({ type, room }) => type === 'joined' && room !== '@me'));
      expect(await client.request({ type: 'message', text: 'hi' })).toMatchObject({
        type: 'error',
        code: 'not_in_room',
      });
    });

    it.each([
      ['every sign that is allowed', '_.:@~+-'],
      ['a dot in front', '.', true],
      ['three dots', '...', true],
      ['a tilde in front', '~', true],
      ['one digit more', '7'],
    ])('HS1 takes %s for a room name', async (_title, signs, inFront = false) => {
      const room = inFront ? `${signs}${freshRoom()}` : `${freshRoom()}${signs}`;
      const client = await chat.enter(room, freshUser());
      expect((await say(client, 'hi')).offset).toBe(1);
    });

    it('HS1 takes the signs without percent-encoding too', async () => {
      const room = `${freshRoom()}_.:@~+-`;
      const client = await chat.connect(undefined, freshUser(), { path: `/ws/chat/${room}` });
      expect((await joinedIn(client, room)).room).toBe(room);
    });

    it('HS1 judges and joins the name after percent-decoding, decoded once', async () => {
      const room = freshRoom();
      const encoded = Buffer.from(room).toString('hex').replace(/../g, '%$&');
      const client = await chat.connect(undefined, freshUser(), { path: `/ws/chat/${encoded}` });
      expect((await joinedIn(client, room)).room).toBe(room);
      expect((await ask(`/ws/chat/a%2561`, bearer(chat.token(freshUser())))).status).toBe(400);
    });

    it('HS1 takes a name of 128 characters and refuses one of 129', async () => {
      const longest = freshRoom().padEnd(128, 'x');
      expect((await chat.visit(longest, freshUser())).joined.room).toBe(longest);
      expect((await ask(`/ws/chat/${longest}x`, bearer(chat.token(freshUser())))).status).toBe(400);
    });

    it.each([
      ['@room'],
      ['%40room'],
      ['.'],
      ['..'],
      ['%2e'],
      ['%2e%2e'],
      ['a%20b'],
      ['a%2Fb'],
      ['%C3%A4'],
      ['a%00'],
      ['a%0a'],
      ['a*b'],
      ['a,b'],
      ['a%3Fb'],
      ['%zz'],
      ['%E0%A4%A'],
      ['%ff'],
      ['a%5Cb'],
      ['%F0%9F%8E%89'],
    ])('HS1 refuses %s as a room name with HTTP 400', async (name) => {
      const { status, body } = await ask(`/ws/chat/${name}`, bearer(chat.token(freshUser())));
      expect(status).toBe(400);
      expect(() => JSON.parse(body) as unknown).not.toThrow();
    });

    it.each([['%40me'], ['a%20b'], ['%zz']])(
      'HS1 closes with 4500 bad_room on %s where rookery.v1 is offered',
      async (name) => {
        const client = await chat.connect(undefined, freshUser(), { path: `/ws/chat/${name}`, tokenBy: 'subprotocol' });
        expect(await client.closed()).toEqual({ code: 4500, reason: 'bad_room' });
        expect(client.received).toEqual([]);
      },
    );
  });

  describe('where the token stands', () => {
    it.each(['header', 'subprotocol', 'query'] as const)('HS2 takes the token by %s', async (tokenBy) => {
      const sub = freshUser();
      const { welcome } = await chat.visit(freshRoom(), sub, { tokenBy });
      expect(welcome.user.id).toBe(sub);
    });

    it('HS2 takes the scheme in any case, as HTTP has it', async () => {
      const sub = freshUser();
      const { welcome } = await chat.visit(freshRoom(), sub, {
        token: undefined,
        headers: { authorization: `bearer ${chat.token(sub)}` },
      });
      expect(welcome.user.id).toBe(sub);
    });

    it('HS2 reads a query whose names every object has', async () => {
      const query = { constructor: 'a', toString: 'b', hasOwnProperty: 'c' };
      await chat.visit(freshRoom(), freshUser(), { query, tokenBy: 'query' });
    });

    it('HS2 prefers the header to the subprotocol, and that to the query', async () => {
      const [first, second, third] = [freshUser(), freshUser(), freshUser()];
      const query = { token: chat.token(third) };
      const protocols = ['rookery.v1', `bearer.${chat.token(second)}`];
      const all = await chat.visit(freshRoom(), first, { query, protocols });
      expect(all.welcome.user.id).toBe(first);
      const two = await chat.visit(freshRoom(), undefined, { query, protocols });
      expect(two.welcome.user.id).toBe(second);
    });

    it('HS2 uses the first token that it finds and no other: a bad one is not made good by the next', async () => {
      const good = chat.token(freshUser());
      const bad = forge(good);
      const byHeader = await TestClient.refusal(`${chat.url}/ws/chat/x`, { token: bad, query: { token: good } });
      expect(byHeader.status).toBe(401);
      const byProtocol = await chat.connect('x', undefined, {
        protocols: ['rookery.v1', `bearer.${bad}`],
        query: { token: good },
      });
      expect(await byProtocol.closed()).toEqual({ code: 1008, reason: 'unauthenticated' });
    });

    it('HS2 ignores a bad token behind a good one', async () => {
      const sub = freshUser();
      const { welcome } = await chat.visit(freshRoom(), sub, { query: { token: 'garbage' } });
      expect(welcome.user.id).toBe(sub);
    });
  });

  describe('the two faces of a refusal', () => {
    it('HS4 answers a plain client without a token with 401 and one line of JSON', async () => {
      const { status, body, headers } = await TestClient.refusal(`${chat.url}/ws/chat/x`);
      expect(status).toBe(401);
      expect(headers['content-type']).toMatch(/^application\/json/);
      expect(JSON.parse(body)).toEqual(expect.any(Object));
      expect(body.trimEnd()).not.toContain('\n');
    });

    it('HS4 upgrades a browser without a token and closes at once with 1008 unauthenticated', async () => {
      const origin = chat.url.replace(/^ws/, 'http');
      const client = await chat.connect('x', undefined, { origin });
      expect(await client.closed()).toEqual({ code: 1008, reason: 'unauthenticated' });
      expect(client.received).toEqual([]);
    });

    it('HS4 upgrades whoever offers rookery.v1 and closes at once with 1008 unauthenticated', async () => {
      const client = await chat.connect('x', undefined, { protocols: ['rookery.v1'] });
      expect(client.protocol).toBe('rookery.v1');
      expect(await client.closed()).toEqual({ code: 1008, reason: 'unauthenticated' });
      expect(client.received).toEqual([]);
    });

    it.each([
      ['a forged signature', (c: OpenChat) => forge(c.token(freshUser()))],
      ['no signature', () => mintUnsigned({ sub: freshUser() })],
      ['another secret', () => mint('another secret than the one of the server', { sub: freshUser() })],
      ['an expired token', (c: OpenChat) => c.token(freshUser(), {}, { expiresInMs: -3_600_000 })],
      ['a token of tomorrow', (c: OpenChat) => c.token(freshUser(), { nbf: Math.floor(Date.now() / 1000) + 86_400 })],
      ['garbage', () => 'garbage'],
      ['three dots', () => '...'],
    ])('HS4 gives %s both faces', async (_title, tokenOf) => {
      const token = tokenOf(chat);
      expect((await TestClient.refusal(`${chat.url}/ws/chat/x`, { token })).status).toBe(401);
      const client = await chat.connect('x', undefined, { token, protocols: ['rookery.v1'] });
      expect(await client.closed()).toEqual({ code: 1008, reason: 'unauthenticated' });
    });

    it.each([
      ['a plain client', {}],
      ['a browser', { Origin: 'http://localhost' }],
      ['rookery.v1', { 'Sec-WebSocket-Protocol': 'rookery.v1' }],
    ])('HS4 answers an unknown path with plain 404: %s', async (_title, headers) => {
      const path = '/ws/no/such/path/at/all';
      expect((await ask(path, { ...headers, ...bearer(chat.token(freshUser())) })).status).toBe(404);
    });
  });

  describe('subprotocols', () => {
    it.each([
      ['first', (token: string) => ['rookery.v1', `bearer.${token}`]],
      ['last', (token: string) => [`bearer.${token}`, 'rookery.v1']],
      ['among strangers', (token: string) => ['graphql-ws', `bearer.${token}`, 'rookery.v1', 'mqtt']],
    ])('HS5 selects rookery.v1 where it is offered %s', async (_title, offer) => {
      const client = await chat.connect(freshRoom(), undefined, { protocols: offer(chat.token(freshUser())) });
      expect(client.protocol).toBe('rookery.v1');
      await client.next('welcome');
    });

    it('HS5 answers bearer. without rookery.v1 with 400', async () => {
      const protocols = [`bearer.${chat.token(freshUser())}`];
      expect((await TestClient.refusal(`${chat.url}/ws/chat/x`, { protocols })).status).toBe(400);
    });

    it('HS5 answers bearer. without rookery.v1 with 400 also beside a token in the header', async () => {
      const protocols = [`bearer.${chat.token(freshUser())}`];
      const refusal = await TestClient.refusal(`${chat.url}/ws/chat/x`, { protocols, token: chat.token(freshUser()) });
      expect(refusal.status).toBe(400);
    });

    it('HS5 speaks the same frames where no subprotocol is offered', async () => {
      const sub = freshUser();
      const plain = await chat.visit(freshRoom(), sub);
      const named = await chat.visit(freshRoom(), sub, { tokenBy: 'subprotocol' });
      expect(plain.client.protocol).toBe('');
      expect(Object.keys(plain.welcome).sort()).toEqual(Object.keys(named.welcome).sort());
      expect(Object.keys(plain.joined).sort()).toEqual(Object.keys(named.joined).sort());
    });
  });

  describe('recovery asked for in the URL', () => {
    it('HS6 recovers the room of the path from ?since', async () => {
      const room = freshRoom();
      const { client: alice, joined } = await chat.visit(room, freshUser('alice'));
      await sayMany(alice, 3);
      const bob = await chat.visit(room, freshUser('bob'), { since: joined.cursor });
      expect(bob.joined).toMatchObject({ recovered: true, cursor: joined.cursor });
      expect((await bob.client.take(3, 'message')).map(({ offset }) => offset)).toEqual([1, 2, 3]);
    });

    it('HS6 does not recover rooms joined by frame from ?since', async () => {
      const [room, other] = [freshRoom(), freshRoom()];
      const { client: alice, joined } = await chat.visit(other, freshUser('alice'));
      await sayMany(alice, 2);
      const bob = await chat.enter(room, freshUser('bob'), { since: joined.cursor });
      const answer = await bob.request({ type: 'join', room: other });
      expect(answer).toMatchObject({ type: 'joined', room: other });
      expect(answer).not.toHaveProperty('recovered');
    });
  });

  describe('identity', () => {
    const who = async (claims: Record<string, unknown>) =>
      (await (await chat.connect(freshRoom(), undefined, { token: mint(chat.secret, claims) })).next('welcome')).user;

    it('HS9 takes the id from sub and the name from name', async () => {
      const sub = freshUser();
      expect(await who({ sub, name: 'Alice', preferred_username: 'al' })).toEqual({ id: sub, name: 'Alice' });
    });

    it('HS9 falls back to preferred_username, then to sub', async () => {
      const sub = freshUser();
      expect((await who({ sub, preferred_username: 'al' })).name).toBe('al');
      expect((await who({ sub })).name).toBe(sub);
    });

    it('HS9 strips control characters from the name and keeps 64 characters', async () => {
      const sub = freshUser();
      expect((await who({ sub, name: 'A\u0000l\u001bi\nc\u007fe\u0085' })).name).toBe('Alice');
      expect((await who({ sub, name: 'n'.repeat(200) })).name).toHaveLength(64);
      expect((await who({ sub: 's'.repeat(100) })).name).toHaveLength(64);
    });

    it('HS9 takes a sub of 128 characters and refuses one of 129, and a token without any', async () => {
      const longest = freshUser().padEnd(128, 'x');
      expect((await who({ sub: longest })).id).toBe(longest);
      for (const claims of [{ sub: `${longest}x` }, { sub: '' }, { name: 'Alice' }]) {
        const refusal = await TestClient.refusal(`${chat.url}/ws/chat/x`, { token: mint(chat.secret, claims) });
        expect(refusal.status).toBe(401);
      }
    });

    it('HS9 refuses a token that is there and invalid', async () => {
      for (const tokenBy of ['header', 'query'] as const) {
        const refusal = await TestClient.refusal(`${chat.url}/ws/chat/x`, { token: 'garbage', tokenBy });
        expect(refusal.status).toBe(401);
      }
    });
  });
});
