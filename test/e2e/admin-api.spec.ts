import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { RealtimeConfigError } from '../../src/index.js';
import { RealtimeAdminModule } from '../../src/realtime/admin/index.js';
import { FlakyBroker, startTestServer } from '../../src/testing/index.js';
import { memoryBroker, memoryStore } from '../support/brokers.js';
import { freshRoom, freshUser } from '../support/chat.js';
import { PlainSocket } from '../support/plain-socket.js';
import { Standalone } from '../support/standalone.js';
import { mint } from '../support/tokens.js';

jest.setTimeout(30_000);

const KEY = 'the admin key of the tests'.replaceAll(' ', '-').padEnd(40, 'x');
const SECRET = 'the secret of the admin API of 32 bytes or more';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

let server: Standalone;
let broker: FlakyBroker;

beforeAll(async () => {
  broker = new FlakyBroker(memoryBroker());
  server = await Standalone.start({ ADMIN_KEY: KEY, JWT_SECRET: SECRET, TRUST_PROXY: 'true' }, { broker });
});

afterAll(() => server.close());

async function answerOf(response: Response): Promise<Answer> {
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

async function get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return answerOf(await fetch(server.httpUrl + path, { headers: { authorization: `Bearer ${KEY}`, ...headers } }));
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return answerOf(
    await fetch(server.httpUrl + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  );
}

async function enter(room: string, sub: string, name = 'ana'): Promise<PlainSocket> {
  const socket = await PlainSocket.open(`${server.wsUrl}/ws/chat/${room}?token=${mint(SECRET, { sub, name })}`);
  await socket.inRoom();
  return socket;
}

const routes: readonly (readonly ['GET' | 'POST', string])[] = [
  ['POST', '/api/publish'],
  ['POST', '/api/broadcast'],
  ['GET', '/api/room'],
  ['GET', '/api/presence'],
  ['GET', '/api/history'],
  ['POST', '/api/history/clear'],
  ['POST', '/api/kick'],
  ['POST', '/api/disconnect'],
  ['POST', '/api/unban'],
  ['GET', '/api/rooms'],
  ['GET', '/api/connections'],
  ['GET', '/api/pod'],
  ['GET', '/api/pods'],
];

/** Comes from an address of its own, so that tests don't use up each other's attempts. */
function from(ip: string): Record<string, string> {
  return { 'x-forwarded-for': ip };
}

describe('who may call', () => {
  it('nobody where no key is set: each route answers as one that is not there', async () => {
    const closed = await Standalone.start({ JWT_SECRET: SECRET });
    for (const [method, path] of [...routes, ['GET', '/dashboard'] as const, ['GET', '/api/nothing'] as const]) {
      const response = await fetch(closed.httpUrl + path, {
        method,
        headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
        ...(method === 'POST' ? { body: '{}' } : {}),
      });
      expect([path, response.status, await response.json()]).toEqual([
        path,
        404,
        { code: 'not_found', message: `Cannot ${method} ${path}` },
      ]);
    }
    await closed.close();
  });

  it.each(routes)('nobody without the key: %s %s', async (method, path) => {
    const headers = {
      'content-type': 'application/json',
      ...from(`10.1.0.${routes.findIndex(([, one]) => one === path)}`),
    };
    const body = method === 'POST' ? { body: '{}' } : {};
    for (const authorization of [undefined, 'Bearer ', `Bearer ${KEY}x`, `Basic ${KEY}`, KEY]) {
      const response = await fetch(server.httpUrl + path, {
        method,
        headers: authorization === undefined ? headers : { ...headers, authorization },
        ...body,
      });
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      expect(await response.json()).toMatchObject({ code: 'unauthenticated' });
    }
  });

  it('nobody by a key in the query, in a cookie or in the body', async () => {
    const headers = { authorization: '', cookie: `key=${KEY}`, ...from('10.2.0.1') };
    expect((await get(`/api/pod?key=${KEY}&token=${KEY}`, headers)).status).toBe(401);
    expect((await post('/api/publish', { key: KEY }, headers)).status).toBe(401);
  });

  it('whoever fails more than five times a minute is answered 429 with the time to wait, others are not', async () => {
    const headers = { authorization: 'Bearer wrong', ...from('10.3.0.1') };
    const statuses: number[] = [];
    for (let i = 0; i < 7; i += 1) statuses.push((await get('/api/pod', headers)).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    const late = await get('/api/pod', headers);
    expect(late.body).toMatchObject({ code: 'rate_limited', retryMs: expect.any(Number) });
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await get('/api/pod', { ...headers, ...from('10.3.0.2') })).status).toBe(401);
  });

  it('whoever has the key, also where others failed too often from the same address', async () => {
    for (let i = 0; i < 9; i += 1) await get('/api/pod', { authorization: 'Bearer wrong', ...from('10.4.0.1') });
    expect((await get('/api/pod', from('10.4.0.1'))).status).toBe(200);
  });

  it('each of several keys, while one takes over from another', async () => {
    const two = await Standalone.start({ ADMIN_KEY: `${KEY}, ${'n'.repeat(32)}` });
    for (const key of [KEY, 'n'.repeat(32)]) {
      const response = await fetch(`${two.httpUrl}/api/pod`, { headers: { authorization: `Bearer ${key}` } });
      expect(response.status).toBe(200);
    }
    await two.close();
  });

  it('no page of another site: no answer allows another origin, a form is refused', async () => {
    const preflight = await fetch(`${server.httpUrl}/api/kick`, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const answer = await post('/api/kick', '{"room":"chat/a","user":"u"}', { 'content-type': type });
      expect([answer.status, answer.body['code']]).toEqual([415, 'unsupported_media_type']);
    }
  });

  it.each(['short', 'k'.repeat(31), `${'k'.repeat(31)} k`, `${'k'.repeat(31)}ä`, `${'k'.repeat(32)},short`])(
    'a key that could be guessed or sent by nobody stops the start, and is not shown: %s',
    async (key) => {
      await expect(Standalone.start({ ADMIN_KEY: key })).rejects.toThrow(
        'ADMIN_KEY: expected 32 or more visible ASCII characters (openssl rand -base64 32), got something else (not shown).',
      );
      expect(() => RealtimeAdminModule.forRoot({ key: 'short' })).toThrow(RealtimeConfigError);
    },
  );
});

describe('publishing', () => {
  it('reaches the members, and is answered with the offset', async () => {
    const room = freshRoom();
    const socket = await enter(room, freshUser());
    const { status, body } = await post('/api/publish', {
      room: `chat/${room}`,
      type: 'message',
      payload: { text: 'hi' },
      as: { id: 'bot', name: 'Bot' },
    });
    expect([status, body]).toEqual([200, { offset: 1, epoch: expect.any(String), duplicate: false }]);
    expect(await socket.frame('message')).toMatchObject({ offset: 1, text: 'hi', user: 'Bot', userId: 'bot' });
    socket.close();
  });

  it('publishes with a key only where the room is of kind latest', async () => {
    const answer = await post('/api/publish', { room: `chat/${freshRoom()}`, type: 'price', payload: {}, key: 'gold' });
    expect([answer.status, answer.body['code']]).toEqual([400, 'invalid_payload']);
    expect(answer.body['message']).toContain('latest');
  });

  it('publishes an id once', async () => {
    const frame = { room: `chat/${freshRoom()}`, type: 'message', payload: { text: 'once' }, id: 'deploy-1' };
    const first = await post('/api/publish', frame);
    expect((await post('/api/publish', frame)).body).toEqual({ ...first.body, duplicate: true });
    const { body } = await get(`/api/history?room=${frame.room}`);
    expect(body['frames']).toEqual([expect.objectContaining({ id: 'deploy-1', text: 'once' })]);
  });

  it('keeps nothing with store: false', async () => {
    const room = freshRoom();
    const socket = await enter(room, freshUser());
    const { body } = await post('/api/publish', { room: `chat/${room}`, type: 'typing', payload: {}, store: false });
    expect(body).not.toHaveProperty('offset');
    await socket.frame('typing');
    expect((await get(`/api/history?room=chat/${room}`)).body['frames']).toEqual([]);
    socket.close();
  });

  it('reaches a user, and everybody of a namespace', async () => {
    const sub = freshUser();
    const socket = await enter(freshRoom(), sub);
    expect((await post('/api/publish', { user: sub, type: 'notice', payload: { n: 1 } })).status).toBe(200);
    expect(await socket.frame('notice')).toMatchObject({ room: '@me', n: 1 });
    expect((await post('/api/publish', { namespace: 'chat', type: 'notice', payload: { n: 2 } })).status).toBe(200);
    expect(await socket.frame('notice')).toMatchObject({ n: 2 });
    socket.close();
  });

  it('broadcasts into rooms with a result for each, in their order; one that fails holds up no other', async () => {
    const [a, b] = [`chat/${freshRoom()}`, `chat/${freshRoom()}`];
    broker.fail('publish', 1);
    const { status, body } = await post('/api/broadcast', { rooms: [a, b], type: 'message', payload: { text: 'x' } });
    expect([status, body['results']]).toEqual([
      200,
      [
        { room: a, error: { code: 'unavailable', message: expect.any(String) } },
        { room: b, offset: 1, epoch: expect.any(String), duplicate: false },
      ],
    ]);
  });

  it('publishes nothing of a broadcast with a name that is none', async () => {
    const room = `chat/${freshRoom()}`;
    const { status, body } = await post('/api/broadcast', { rooms: [room, 'chat/a b'], type: 'message', payload: {} });
    expect([status, body['code']]).toEqual([400, 'bad_room']);
    expect((await get(`/api/history?room=${room}`)).body['frames']).toEqual([]);
  });

  it('says unavailable while the broker is away', async () => {
    broker.fail('publish', 1);
    const { status, body } = await post('/api/publish', { room: 'chat/a', type: 'message', payload: {}, id: '1' });
    expect([status, body['code']]).toEqual([503, 'unavailable']);
  });

  const frame = { room: 'chat/a', type: 'message', payload: { text: 'hush-hush' } };
  it.each<[string, unknown, number, string]>([
    ['no target', { ...frame, room: undefined }, 400, 'invalid_payload'],
    ['two targets', { ...frame, user: 'u1' }, 400, 'invalid_payload'],
    ['no payload', { ...frame, payload: undefined }, 400, 'invalid_payload'],
    ['a type of the protocol', { ...frame, type: 'joined' }, 400, 'invalid_payload'],
    ['a type that is none', { ...frame, type: 7 }, 400, 'invalid_payload'],
    ['an unknown field', { ...frame, surplus: 'hush-hush' }, 400, 'invalid_payload'],
    ['an id that is too long', { ...frame, id: 'hush-hush'.repeat(8) }, 400, 'invalid_payload'],
    ['except with a stored frame', { ...frame, except: 'c1' }, 400, 'invalid_payload'],
    ['a room that is none', { ...frame, room: 'hush hush/hush-hush' }, 400, 'bad_room'],
    ['the room of everybody', { ...frame, room: 'chat/@all' }, 400, 'bad_room'],
    ['an array', [frame], 400, 'invalid_payload'],
    ['no JSON', '{"payload": hush-hush', 400, 'bad_request'],
    ['nothing', '', 400, 'invalid_payload'],
    ['too much payload', { ...frame, payload: 'hush-hush'.repeat(8_000) }, 413, 'too_big'],
    ['too large a body', { ...frame, payload: 'hush-hush'.repeat(80_000) }, 413, 'too_big'],
    ['what is nested too deep', `{"payload":${'['.repeat(9_000)}${']'.repeat(9_000)}}`, 400, 'invalid_payload'],
  ])('refuses %s by a stable code, and echoes nothing of it', async (_what, body, status, code) => {
    const answer = await post('/api/publish', body);
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
    expect(JSON.stringify(answer.body)).not.toMatch(/hush|at .*\.[jt]s|node_modules/);
  });
});

describe('looking', () => {
  it('tells who is in a room: counts, users, connections, without what they sent to be let in', async () => {
    const [room, sub] = [freshRoom(), freshUser()];
    const sockets = [await enter(room, sub), await enter(room, sub), await enter(room, freshUser('bob'), 'bob')];
    expect((await get(`/api/room?room=chat/${room}`)).body).toEqual({
      room: `chat/${room}`,
      members: 2,
      connections: 3,
    });
    const { body: page } = await get(`/api/presence?room=chat/${room}&limit=1`);
    expect(page).toMatchObject({ count: 2, complete: false, users: [{ name: 'bob' }] });
    const [{ id }] = page['users'] as [{ id: string }];
    expect((await get(`/api/presence?room=chat/${room}&after=${id}`)).body).toMatchObject({
      users: [{ id: sub, name: 'ana' }],
      complete: true,
    });
    const { body } = await get(`/api/connections?room=chat/${room}&user=${sub}`);
    expect(body).toMatchObject({ total: 2, complete: true });
    expect(body['connections']).toEqual(
      [1, 2].map(() => ({
        connection: expect.any(String),
        namespace: 'chat',
        userId: sub,
        name: 'ana',
        ip: '127.0.0.1',
        openedAt: expect.any(Number),
        queuedBytes: expect.any(Number),
      })),
    );
    for (const socket of sockets) socket.close();
  });

  it('lists rooms and connections page by page, each once', async () => {
    const prefix = freshRoom();
    const sockets = await Promise.all([1, 2, 3, 4, 5].map((n) => enter(`${prefix}-${n}`, freshUser())));
    for (const [list, name] of [
      ['rooms', 'address'],
      ['connections', 'connection'],
    ] as const) {
      const seen: string[] = [];
      for (let after = ''; ; after = seen.at(-1) ?? '') {
        const { body } = await get(`/api/${list}?namespace=chat&limit=2${after ? `&after=${after}` : ''}`);
        const names = (body[list] as Record<string, string>[]).map((entry) => entry[name] ?? '');
        seen.push(...names);
        expect(names.length).toBeLessThanOrEqual(2);
        if (body['complete'] === true) break;
      }
      expect(seen).toEqual([...new Set(seen)].sort());
      expect(seen.length).toBeGreaterThanOrEqual(5);
    }
    for (const socket of sockets) socket.close();
  });

  it('reads history by cursors, and clears it', async () => {
    const room = `chat/${freshRoom()}`;
    for (const n of [1, 2, 3]) await post('/api/publish', { room, type: 'message', payload: { n } });
    const { body } = await get(`/api/history?room=${room}&limit=2`);
    expect(body).toMatchObject({ frames: [{ n: 2 }, { n: 3 }], complete: false });
    expect((await get(`/api/history?room=${room}&before=${String(body['cursor'])}`)).body).toMatchObject({
      frames: [{ n: 1 }],
      complete: true,
    });
    expect((await get(`/api/history?room=${room}&since=other.1`)).body).toMatchObject({ code: 'not_found' });
    expect((await post('/api/history/clear', { room })).body).toEqual({});
    expect((await get(`/api/history?room=${room}`)).body['frames']).toEqual([]);
  });

  it.each(['limit=0', 'limit=x', 'limit=1001', 'limit=1e9', 'after=', 'nothing=1', 'namespace=a&namespace=b'])(
    'refuses the query %s',
    async (query) => {
      expect(await get(`/api/rooms?${query}`)).toMatchObject({ status: 400, body: { code: 'invalid_payload' } });
    },
  );

  it('tells version, uptime, health and limits of the pod', async () => {
    const { body } = await get('/api/pod');
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(body).toMatchObject({
      version,
      node: process.version,
      uptimeMs: expect.any(Number),
      health: { status: 'ok', broker: true },
      limits: { maxFrameBytes: 65_536, messagesPerSecond: 50, maxConnections: 0 },
    });
  });

  it('tells of every pod, whichever is asked', async () => {
    const store = memoryStore();
    const pods = await Promise.all(
      [1, 2, 3].map(() => Standalone.start({ ADMIN_KEY: KEY }, { broker: memoryBroker({ store }) })),
    );
    for (const pod of pods) {
      const response = await fetch(`${pod.httpUrl}/api/pods`, { headers: { authorization: `Bearer ${KEY}` } });
      const found = (await response.json()) as { asked: boolean; pods: { pod: string }[] };
      expect([found.asked, new Set(found.pods.map((one) => one.pod)).size]).toEqual([true, 3]);
    }
    await Promise.all(pods.map((pod) => pod.close()));
  });

  it('tells of one pod, and says that the others could not be asked, while the broker is away', async () => {
    expect((await get('/api/pods')).body).toMatchObject({ asked: true, pods: [{ health: { status: 'ok' } }] });
    broker.fail('signal', 1);
    expect((await get('/api/pods')).body).toMatchObject({ asked: false, pods: [{ connections: expect.any(Number) }] });
  });
});

describe('acting on users', () => {
  it('kicks from a room for a time, and unban ends it', async () => {
    const [room, sub] = [freshRoom(), freshUser()];
    const socket = await enter(room, sub);
    expect((await post('/api/kick', { room: `chat/${room}`, user: sub, forMs: 60_000 })).body).toEqual({});
    expect(await socket.closed()).toEqual({ code: 4501, reason: 'kicked' });
    const url = `${server.wsUrl}/ws/chat/${room}?token=${mint(SECRET, { sub })}`;
    expect((await PlainSocket.refusal(url)).status).toBe(403);
    expect((await post('/api/unban', { room: `chat/${room}`, user: sub })).status).toBe(200);
    (await enter(room, sub)).close();
  });

  it('disconnects from everything for a time, and unban ends it', async () => {
    const [room, sub] = [freshRoom(), freshUser()];
    const socket = await enter(room, sub);
    await post('/api/disconnect', { user: sub, forMs: 60_000 });
    expect(await socket.closed()).toEqual({ code: 4501, reason: 'kicked' });
    const url = `${server.wsUrl}/ws/chat/${freshRoom()}?token=${mint(SECRET, { sub })}`;
    expect((await PlainSocket.refusal(url)).status).toBe(403);
    await post('/api/unban', { user: sub });
    (await enter(room, sub)).close();
  });

  it.each([-1, 1.5, '60000', null, 1e15])('refuses a ban of %p ms', async (forMs) => {
    for (const [path, body] of [
      ['/api/kick', { room: 'chat/a', user: 'u', forMs }],
      ['/api/disconnect', { user: 'u', forMs }],
    ] as const) {
      const expected = forMs === null ? 200 : 400; // As good as not set.
      expect((await post(path, body)).status).toBe(expected);
    }
  });
});

describe('the log', () => {
  it('tells who did what to whom and who was refused, and has neither key nor payload', async () => {
    const own = await Standalone.start({ ADMIN_KEY: KEY }); // Nest's logger is that of the last server that was made.
    const call = (path: string, key: string, body: object) =>
      fetch(own.httpUrl + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    await call('/api/publish', KEY, { room: 'chat/logged', type: 'message', payload: { text: 'hush-hush' } });
    await call('/api/kick', KEY, { room: 'chat/logged', user: 'u-logged', forMs: 5 });
    await call('/api/kick', KEY, { room: 'hush hush', user: 'u-logged' });
    await call('/api/publish', 'a-wrong-key-of-somebody', { type: 'hush-hush' });
    expect(own.events('admin_called')).toEqual([
      expect.objectContaining({ action: 'publish', status: 200, ip: '127.0.0.1', address: 'chat/logged' }),
      expect.objectContaining({ action: 'kick', status: 200, address: 'chat/logged', userId: 'u-logged' }),
      expect.objectContaining({ action: 'kick', status: 400, code: 'bad_room', userId: 'u-logged' }),
    ]);
    expect(own.events('user_kicked')).toEqual([
      { event: 'user_kicked', address: 'chat/logged', userId: 'u-logged', forMs: 5 },
    ]);
    const refusal = { event: 'admin_refused', status: 401, code: 'unauthenticated', ip: '127.0.0.1' };
    expect(own.events('admin_refused')).toEqual([refusal]);
    const logged = JSON.stringify(own.lines);
    for (const secret of [KEY, 'a-wrong-key', 'hush']) expect(logged).not.toContain(secret);
    await own.close();
  });
});

describe('in an application of its own', () => {
  it('lies where the application says, and is not there without a key', async () => {
    const open = await startTestServer({
      imports: [RealtimeAdminModule.forRoot({ key: KEY, path: 'internal/rookery' })],
      configure: (app) => void app.setGlobalPrefix('v1'),
    });
    const closed = await startTestServer({ imports: [RealtimeAdminModule.forRoot({ key: undefined })] });
    const headers = { authorization: `Bearer ${KEY}` };
    const answer = await fetch(`http://127.0.0.1:${open.port}/v1/internal/rookery/pod`, { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await fetch(`http://127.0.0.1:${open.port}/api/pod`, { headers })).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${closed.port}/api/pod`, { headers })).status).toBe(404);
    await Promise.all([open.close(), closed.close()]);
  });
});

describe('docs/admin.md', () => {
  const text = readFileSync(new URL('../../docs/admin.md', import.meta.url), 'utf8');
  const examples = [...text.matchAll(/```sh\n(curl [\s\S]*?)```\s+```json\n([\s\S]*?)```/g)];

  it('has an example for every route but /api/pods, which /api/pod stands for', () => {
    const shown = examples.map(([, command = '']) => requestOf(command).path).sort();
    expect(shown).toEqual(
      routes
        .map(([, path]) => path)
        .filter((path) => path !== '/api/pods')
        .sort(),
    );
  });

  it('has examples that run, with answers of the kind that stands there', async () => {
    const own = await Standalone.start({ ADMIN_KEY: KEY, JWT_SECRET: SECRET });
    const token = mint(SECRET, { sub: 'u42', name: 'ana' });
    const socket = await PlainSocket.open(`${own.wsUrl}/ws/chat/general?token=${token}`);
    await socket.inRoom();
    for (const [, command = '', expected = ''] of examples) {
      const { path, query, init } = requestOf(command);
      const response = await fetch(own.httpUrl + path + query, init);
      expect([command, response.status]).toEqual([command, 200]);
      expect(kindOf(await response.json())).toEqual(kindOf(JSON.parse(expected)));
    }
    socket.close();
    await own.close();
  });
});

/** What `curl` would send: of its options those that the document uses. */
function requestOf(command: string): { path: string; query: string; init: RequestInit } {
  const words = [...command.replaceAll('\\\n', ' ').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => (single ?? double ?? bare ?? '').replaceAll('$ADMIN_KEY', KEY),
  );
  const valuesOf = (option: string) => words.flatMap((word, i) => (words[i - 1] === option ? [word] : []));
  const headers = Object.fromEntries(valuesOf('-H').map((line) => line.split(': ', 2) as [string, string]));
  const path = new URL(words.find((word) => word.startsWith('http://localhost:3000/')) ?? '').pathname;
  const data = valuesOf('-d');
  if (!words.includes('-G')) {
    return { path, query: '', init: data.length > 0 ? { method: 'POST', headers, body: data.join('&') } : { headers } };
  }
  const pairs = [...valuesOf('--data-urlencode'), ...data].map((pair) => pair.split('=', 2) as [string, string]);
  return { path, query: `?${new URLSearchParams(pairs).toString()}`, init: { headers } };
}

/** Names and kinds of what an answer holds, down to the last. */
function kindOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(kindOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, kindOf(one)]));
}
