import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RoomRegistry } from '../../src/index.js';
import { publicFolder } from '../../src/server/pages/page-files.js';
import { PlainSocket } from '../support/plain-socket.js';
import { RawWebSocket } from '../support/raw-websocket.js';
import { Standalone } from '../support/standalone.js';
import { mint } from '../support/tokens.js';

const SECRET = 'the secret of the attacked of 32 bytes or more';
const KEY = 'the-admin-key-of-those-who-attack-it';

let server: Standalone;

beforeAll(async () => {
  server = await Standalone.start({ ADMIN_KEY: KEY, JWT_SECRET: SECRET, DEV_TOKENS: 'true' });
});

afterAll(() => server.close());

const json = { 'content-type': 'application/json' };
const withKey = { ...json, authorization: `Bearer ${KEY}` };

function post(path: string, body: string, headers: Record<string, string> = withKey): Promise<Response> {
  return fetch(server.httpUrl + path, { method: 'POST', headers, body });
}

describe('every page and every JSON answer', () => {
  const pages = readdirSync(publicFolder()).map((file) => `/${file}`);
  const answers: readonly (readonly [string, () => Promise<Response>, number])[] = [
    ...['/', ...pages, '/dashboard', '/healthz', '/readyz', '/metrics', '/rookery-client.js', '/rookery-roster.js'].map(
      (path) => [path, () => fetch(server.httpUrl + path), 200] as const,
    ),
    ['what is not there', () => fetch(`${server.httpUrl}/nothing`), 404],
    ['a token for development', () => post('/dev/token', '{"name":"ana"}', json), 200],
    ['a name that is none', () => post('/dev/token', '{"name":7}', json), 400],
    ['a body that is no JSON', () => post('/dev/token', '{', json), 400],
    ['a body that is too large', () => post('/dev/token', `"${'x'.repeat(400_000)}"`, json), 413],
    ['the admin API', () => fetch(`${server.httpUrl}/api/pod`, { headers: withKey }), 200],
    ['the admin API without the key', () => fetch(`${server.httpUrl}/api/pod`), 401],
    ['a call that is refused', () => post('/api/kick', '{}'), 400],
  ];

  it.each(answers)('has the headers that helmet sets, and a strict policy: %s', async (_what, ask, status) => {
    const answer = await ask();
    const { headers } = answer;
    expect(answer.status).toBe(status);
    expect(Object.fromEntries(headers)).toMatchObject({
      'strict-transport-security': 'max-age=15552000',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'x-dns-prefetch-control': 'off',
      'x-download-options': 'noopen',
      'x-permitted-cross-domain-policies': 'none',
      'x-xss-protection': '0',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'origin-agent-cluster': '?1',
    });
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
    expect(policy).not.toMatch(/unsafe|\*|data:|blob:/);
    for (const told of ['x-powered-by', 'server', 'access-control-allow-origin']) expect(headers.has(told)).toBe(false);
  });

  it('a refused handshake is no page, and kept by no cache', async () => {
    const raw = RawWebSocket.send(server.wsUrl, { path: '/ws/chat/general' });
    const { status, head } = await raw.answer();
    expect(status).toBe(401);
    expect(head).toMatch(/^content-type: application\/json/m);
    expect(head).toMatch(/^x-content-type-options: nosniff\r?$/m);
    expect(head).toMatch(/^cache-control: no-store\r?$/m);
    raw.destroy();
  });
});

describe('JSON from outside', () => {
  const hostile = [
    '"__proto__":{"polluted":"yes"}',
    '"constructor":{"prototype":{"polluted":"yes"}}',
    '"payload":{"__proto__":{"polluted":"yes"},"constructor":{"prototype":{"polluted":"yes"}}}',
    '"as":{"__proto__":{"polluted":"yes"},"id":"u","name":"n"}',
  ];

  function expectClean(): void {
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect((Object as unknown as { polluted?: unknown }).polluted).toBeUndefined();
  }

  it.each(hostile)('pollutes no prototype as a body: {%s}', async (fields) => {
    for (const path of ['/api/publish', '/api/broadcast', '/api/kick', '/api/disconnect', '/api/unban', '/dev/token']) {
      const good = '"room":"chat/p","rooms":["chat/p"],"user":"u","type":"message","payload":1,"name":"n"';
      for (const body of [`{${fields},${good}}`, `{${good},${fields}}`, `{${fields}}`, `[{${fields}}]`]) {
        expect((await post(path, body)).status).toBeLessThan(500);
        expectClean();
      }
    }
  });

  it.each(hostile)('pollutes no prototype as a frame, and reaches nobody as one: {%s}', async (fields) => {
    const socket = await PlainSocket.open(`${server.wsUrl}/ws/chat/p?token=${mint(SECRET, { sub: 'u1' })}`);
    await socket.inRoom();
    socket.send(`{"type":"message","text":"hi","id":"${crypto.randomUUID()}",${fields}}`);
    expect(await socket.frame('message')).not.toHaveProperty('polluted');
    expectClean();
    socket.close();
  });

  it('a published payload keeps no own __proto__ that a reader could merge', async () => {
    const frame = '{"room":"chat/own-proto","type":"message","payload":{"text":"hi","__proto__":{"polluted":"yes"}}}';
    expect((await post('/api/publish', frame)).status).toBe(200);
    const history = await fetch(`${server.httpUrl}/api/history?room=chat/own-proto`, { headers: withKey });
    expect(await history.text()).not.toContain('polluted');
  });

  it.each(['__proto__=x', '__proto__[polluted]=yes', 'constructor[prototype][polluted]=yes', 'constructor=x'])(
    'pollutes no prototype as a query: %s',
    async (query) => {
      for (const path of ['/api/rooms', '/api/connections', '/api/pod', '/healthz', '/']) {
        const response = await fetch(`${server.httpUrl}${path}?${query}`, { headers: withKey });
        expect(response.status).toBeLessThan(500);
        expectClean();
      }
      const socket = await PlainSocket.open(`${server.wsUrl}/ws?${query}`);
      socket.close();
      expectClean();
    },
  );
});

/** Names that would reach other keys, channels, patterns, lines or paths, if they were names. */
const hostileNames = [
  'a}b',
  '{a}',
  'a}:m',
  'a*',
  '*',
  'a?',
  '[a]',
  'a\nb',
  'a\r\nSET x 1',
  'a\0b',
  'a b',
  'a/b',
  '../a',
  '..',
  '.',
  '@me',
  '@all',
  '@user',
  'a%7Db',
  'a%2Fb',
  'ä',
  'x'.repeat(129),
  '',
];

describe('a name that is none', () => {
  it.each(hostileNames)('opens no room, by path, frame or admin call: %j', async (name) => {
    const token = mint(SECRET, { sub: 'u1' });
    const before = new Set(
      server.app
        .get(RoomRegistry, { strict: false })
        .rooms()
        .map((room) => room.address),
    );
    if (name !== '' && name !== '.' && name !== '..') {
      const path = `/ws/chat/${encodeURIComponent(name)}`;
      expect((await PlainSocket.refusal(`${server.wsUrl}${path}?token=${token}`)).status).toBe(400);
    }
    const socket = await PlainSocket.open(`${server.wsUrl}/ws/chat?token=${token}`);
    if (name !== '@me') {
      socket.send(JSON.stringify({ type: 'join', room: name, id: 'j1' }));
      expect(await socket.frame('error')).toMatchObject({ id: 'j1', code: 'bad_room' });
    }
    for (const path of ['publish', 'history/clear', 'kick', 'unban']) {
      const more = path === 'publish' ? { type: 'message', payload: 1 } : path === 'history/clear' ? {} : { user: 'u' };
      const response = await post(`/api/${path}`, JSON.stringify({ room: `chat/${name}`, ...more }));
      expect([path, response.status]).toEqual([path, 400]);
    }
    const query = new URLSearchParams({ room: `chat/${name}` }).toString();
    for (const path of ['room', 'presence', 'history']) {
      expect((await fetch(`${server.httpUrl}/api/${path}?${query}`, { headers: withKey })).status).toBe(400);
    }
    const after = server.app.get(RoomRegistry, { strict: false }).rooms();
    expect(after.filter(({ address }) => !before.has(address) && !address.startsWith('@user/'))).toEqual([]);
    socket.close();
  });
});
