import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { request } from 'node:http';
import { PlainSocket } from '../support/plain-socket.js';
import { Standalone } from '../support/standalone.js';

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

let local: Standalone;
let open: Standalone;

beforeAll(async () => {
  local = await Standalone.start();
  open = await Standalone.start({
    DEV_TOKENS: 'true',
    JWT_SECRET: 'a'.repeat(32),
    JWT_ISSUER: 'here',
    JWT_AUDIENCE: 'us',
  });
});

afterAll(async () => {
  await local.close();
  await open.close();
});

/** A POST by hand: `fetch` does not let one choose Host. */
function ask(server: Standalone, body: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port: server.port,
        path: '/dev/token',
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> });
        });
      },
    );
    asked.on('error', reject).end(body);
  });
}

async function tokenFor(server: Standalone, name: string): Promise<string> {
  const { status, body } = await ask(server, JSON.stringify({ name }));
  expect(status).toBe(200);
  return String(body['token']);
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

describe('with no key set', () => {
  it('gives this machine a token that opens the chat under the name asked for', async () => {
    const { body } = await ask(local, '{"name":" Ana Lima "}');
    expect(body['expiresAt']).toBeGreaterThan(Date.now() + 30 * 60_000);
    const socket = await PlainSocket.open(`${local.wsUrl}/ws/chat/general?token=${String(body['token'])}`);
    expect(await socket.frame('welcome')).toMatchObject({
      user: { id: 'dev-ana-lima', name: 'Ana Lima' },
      expiresAt: body['expiresAt'],
    });
    socket.terminate();
  });

  it('opens every room where rooms go by a claim', async () => {
    const server = await Standalone.start({ ROOMS_CLAIM: 'may_join' });
    expect(claimsOf(await tokenFor(server, 'Ana'))['may_join']).toEqual(['*']);
    await server.close();
  });

  it('takes the same name for the same user, and other names for others', async () => {
    const names = ['Ana', 'ana', '安娜', '🦉', '🦊'];
    const ids = await Promise.all(names.map(async (name) => claimsOf(await tokenFor(local, name))['sub']));
    expect(ids.slice(0, 3)).toEqual(['dev-ana', 'dev-ana', 'dev-安娜']);
    expect(new Set(ids).size).toBe(4);
  });

  it.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-host'])(
    'gives none through a proxy, which %s shows',
    async (header) => {
      const { status, body } = await ask(local, '{"name":"ana"}', { [header]: '127.0.0.1' });
      expect(status).toBe(403);
      expect(body).toEqual({ code: 'forbidden', message: expect.stringContaining('DEV_TOKENS=true') });
    },
  );

  it('gives none to a page whose own name was made to resolve to this machine', async () => {
    const host = `evil.example:${local.port}`;
    expect((await ask(local, '{"name":"ana"}', { host, origin: `http://${host}` })).status).toBe(403);
  });

  it.each(['localhost', '[::1]', '127.0.0.2', 'demo.localhost'])('gives one by the name %s', async (host) => {
    expect((await ask(local, '{"name":"ana"}', { host: `${host}:${local.port}` })).status).toBe(200);
  });

  it("gives one to its own page and none to another's", async () => {
    expect((await ask(local, '{"name":"ana"}', { origin: local.httpUrl })).status).toBe(200);
    expect((await ask(local, '{"name":"ana"}', { origin: 'http://localhost:1' })).status).toBe(403);
    expect((await ask(local, '{"name":"ana"}', { origin: 'null' })).status).toBe(403);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', ''])('takes JSON only, not "%s"', async (type) => {
    const { status, body } = await ask(local, '{"name":"ana"}', { 'content-type': type });
    expect(status).toBe(415);
    expect(body).toMatchObject({ message: 'expected Content-Type: application/json' });
  });

  it.each([
    '{}',
    '{"name":""}',
    '{"name":"  "}',
    '{"name":5}',
    '{"name":"a\\u0000b"}',
    `{"name":"${'a'.repeat(65)}"}`,
    '[]',
    'no JSON',
  ])('says what is wrong with %s', async (given) => {
    const { status, body } = await ask(local, given);
    expect(status).toBe(400);
    expect(body).toEqual({ code: 'bad_request', message: expect.any(String) });
  });
});

describe('with DEV_TOKENS=true and a secret', () => {
  it('signs with that secret, for the issuer and audience that the server accepts', async () => {
    const token = await tokenFor(open, 'ana');
    expect(claimsOf(token)).toMatchObject({ sub: 'dev-ana', name: 'ana', iss: 'here', aud: 'us' });
    const socket = await PlainSocket.open(`${open.wsUrl}/ws/secure?token=${token}`);
    socket.send('hi');
    expect(await socket.next()).toBe('Hello ana: hi');
    socket.terminate();
  });

  it('gives tokens by any name of the server and through proxies', async () => {
    const host = 'staging.example';
    expect((await ask(open, '{"name":"ana"}', { host, 'x-forwarded-for': '192.0.2.1' })).status).toBe(200);
  });

  it('knows its own page behind a proxy that is trusted, by X-Forwarded-Host', async () => {
    const headers = { host: 'inside:3000', 'x-forwarded-host': 'outside.example', origin: 'https://outside.example' };
    expect((await ask(open, '{"name":"ana"}', headers)).status).toBe(403);
    const behind = await Standalone.start({ DEV_TOKENS: 'true', JWT_SECRET: 'a'.repeat(32), TRUST_PROXY: 'true' });
    expect((await ask(behind, '{"name":"ana"}', headers)).status).toBe(200);
    await behind.close();
  });

  it("gives none to another site's page", async () => {
    const headers = { host: 'staging.example', origin: 'https://evil.example' };
    expect((await ask(open, '{"name":"ana"}', headers)).status).toBe(403);
  });
});
