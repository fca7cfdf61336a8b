import { createHmac, createSign, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject, KeyPairKeyObjectResult } from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { SubscribeMessage } from '@nestjs/websockets';
import { CurrentIdentity, HandshakeGuards, JwtHandshakeGuard, RealtimeGateway, RoomPolicy } from '../../src/index.js';
import type { Identity, JwtOptions, RealtimeOptions } from '../../src/index.js';
import { ManualClock, startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestClientOptions, TestServer } from '../../src/testing/index.js';
import { forge, mint, mintUnsigned } from '../support/tokens.js';
import { until } from '../support/within.js';

jest.setTimeout(20_000);

const SECRET = 'a secret of the tests, long enough for HS256';
const OLD_SECRET = 'an older secret, still good for a while yet';

const handled: string[] = [];

@RealtimeGateway('/ws/jwt{/:room}')
@HandshakeGuards(JwtHandshakeGuard)
class JwtGateway {
  @SubscribeMessage('who')
  who(@CurrentIdentity() identity: Identity): object {
    handled.push(identity.id);
    return { id: identity.id, name: identity.name, claims: identity.claims, anonymous: identity.anonymous };
  }
}

@RealtimeGateway('/ws/open')
@HandshakeGuards(JwtHandshakeGuard)
class OpenGateway extends JwtGateway {}

let server: TestServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
  handled.length = 0;
});

async function start(
  jwt: JwtOptions | undefined,
  more: RealtimeOptions = {},
  providers: NonNullable<Parameters<typeof startTestServer>[0]>['providers'] = [],
): Promise<void> {
  server = await startTestServer({
    gateways: [JwtGateway, OpenGateway],
    providers,
    options: { ...more, auth: { ...(jwt ? { jwt } : {}), ...more.auth } },
  });
}

async function whoIs(options: TestClientOptions, path = '/ws/jwt'): Promise<Record<string, unknown>> {
  const client = await TestClient.connect(`${server?.url}${path}`, options);
  const { data } = await client.request<{ data: Record<string, unknown> }>({ type: 'who' });
  client.destroy();
  return data;
}

/** The status and the message of a refusal; the message never has the token. */
async function refusalOf(options: TestClientOptions, path = '/ws/jwt'): Promise<string> {
  const { status, body } = await TestClient.refusal(`${server?.url}${path}`, options);
  if (options.token) expect(body).not.toContain(options.token.slice(-12));
  expect(handled).toEqual([]);
  return `${status} ${(JSON.parse(body) as { message: string }).message}`;
}

function signed(header: object, claims: object, signature: (input: string) => Buffer): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${signature(input).toString('base64url')}`;
}

const soon = (): number => Math.floor(Date.now() / 1000) + 600;
// Here and not in a test: while a key is made nothing else runs, and a server would say 503 for its lag.
const [rsa, otherRsa] = [rsaKeys(), rsaKeys()];
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pemOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();

function rsaKeys(): KeyPairKeyObjectResult {
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

function rs256(claims: object, key = rsa.privateKey): string {
  return signed({ alg: 'RS256', typ: 'JWT' }, claims, (input) => createSign('RSA-SHA256').update(input).sign(key));
}

function es256(claims: object): string {
  return signed({ alg: 'ES256', typ: 'JWT' }, claims, (input) =>
    sign('sha256', Buffer.from(input), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
  );
}

describe('keys and algorithms', () => {
  it('accepts tokens of every secret, so that they can be rotated', async () => {
    await start({ secret: [SECRET, OLD_SECRET] });
    expect(await whoIs({ token: mint(SECRET, { sub: 'new' }) })).toMatchObject({ id: 'new' });
    expect(await whoIs({ token: mint(OLD_SECRET, { sub: 'old' }) })).toMatchObject({ id: 'old' });
    handled.length = 0;
    expect(await refusalOf({ token: mint('yet another secret, not configured', { sub: 'x' }) })).toBe(
      '401 invalid token',
    );
  });

  it.each(['HS256', 'HS384', 'HS512'] as const)('accepts %s with a secret', async (algorithm) => {
    await start({ secret: SECRET });
    expect(await whoIs({ token: mint(SECRET, { sub: 'u' }, { algorithm }) })).toMatchObject({ id: 'u' });
  });

  it('accepts RS256 and ES256 by public keys, beside a secret', async () => {
    await start({ secret: SECRET, publicKey: [pemOf(rsa.publicKey), pemOf(ec.publicKey)] });
    expect(await whoIs({ token: rs256({ sub: 'rsa', exp: soon() }) })).toMatchObject({ id: 'rsa' });
    expect(await whoIs({ token: es256({ sub: 'ec', exp: soon() }) })).toMatchObject({ id: 'ec' });
    expect(await whoIs({ token: mint(SECRET, { sub: 'hmac' }) })).toMatchObject({ id: 'hmac' });
  });

  it('refuses RS256 of another key', async () => {
    await start({ publicKey: pemOf(rsa.publicKey) });
    expect(await refusalOf({ token: rs256({ sub: 'x', exp: soon() }, otherRsa.privateKey) })).toMatch(/^401 /);
  });

  it.each([
    ['as it is', (pem: string) => pem],
    ['without its last newline', (pem: string) => pem.trimEnd()],
    ['as one line', (pem: string) => pem.replaceAll('\n', '')],
  ])('refuses an HMAC made with the PEM of the public key %s', async (_how, form) => {
    const pem = pemOf(rsa.publicKey);
    for (const secret of [undefined, SECRET]) {
      await start({ publicKey: pem, ...(secret === undefined ? {} : { secret }) });
      for (const hash of ['256', '384', '512']) {
        const token = signed({ alg: `HS${hash}`, typ: 'JWT' }, { sub: 'evil', exp: soon() }, (input) =>
          createHmac(`sha${hash}`, form(pem)).update(input).digest(),
        );
        expect(await refusalOf({ token })).toMatch(/^401 /);
      }
      await server?.close();
    }
  });

  it.each(['none', 'None', 'NONE', 'nOnE'])('refuses alg %s', async (alg) => {
    await start({ secret: SECRET, publicKey: pemOf(rsa.publicKey) });
    const token = signed({ alg, typ: 'JWT' }, { sub: 'evil', exp: soon() }, () => Buffer.alloc(0));
    expect(await refusalOf({ token })).toMatch(/^401 /);
    expect(await refusalOf({ token: token.slice(0, -1) })).toMatch(/^401 /);
  });

  it('refuses a token whose key comes with it (jwk, x5c, jku, kid)', async () => {
    await start({ publicKey: pemOf(rsa.publicKey) });
    const header = {
      alg: 'RS256',
      jwk: otherRsa.publicKey.export({ format: 'jwk' }),
      jku: 'http://127.0.0.1:1/',
      kid: '../../dev/null',
    };
    const token = signed(header, { sub: 'evil', exp: soon() }, (input) =>
      createSign('RSA-SHA256').update(input).sign(otherRsa.privateKey),
    );
    expect(await refusalOf({ token })).toMatch(/^401 /);
  });

  it('takes only the algorithms that are pinned', async () => {
    await start({ secret: SECRET, algorithms: ['HS512'] });
    expect(await refusalOf({ token: mint(SECRET, { sub: 'x' }) })).toMatch(/^401 /);
    expect(await whoIs({ token: mint(SECRET, { sub: 'u' }, { algorithm: 'HS512' }) })).toMatchObject({ id: 'u' });
  });

  it.each<[string, JwtOptions, RegExp]>([
    ['no key', {}, /secret.*publicKey/],
    ['an empty key', { secret: '' }, /secret.*publicKey/],
    ['a PEM as a secret', { secret: pemOf(rsa.publicKey) }, /got a PEM/],
    ['a public key that is no PEM', { publicKey: 'no PEM' }, /PEM of a public key/],
    ['empty keys only', { secret: ['', ''] }, /secret.*publicKey/],
    ['alg none', { secret: SECRET, algorithms: ['none'] }, /none/],
    ['an unknown algorithm', { secret: SECRET, algorithms: ['HS1'] }, /HS1/],
    ['an algorithm that fits no key', { secret: SECRET, algorithms: ['RS256'] }, /secret/],
    ['a cookie without an allow-list', { secret: SECRET, cookie: 'token' }, /allowedOrigins/],
  ])('refuses to start with %s', async (_what, jwt, says) => {
    await expect(start(jwt)).rejects.toThrow(says);
  });

  it('refuses to start where the cookie may come from any origin', async () => {
    await expect(start({ secret: SECRET, cookie: 'token' }, { handshake: { allowedOrigins: ['*'] } })).rejects.toThrow(
      /cookie/,
    );
  });

  it('without a key refuses every token, and lets nobody in who has none', async () => {
    await start(undefined);
    expect(await refusalOf({ token: mint(SECRET, { sub: 'x' }) })).toMatch(/^403 .*auth\.jwt/);
    expect(await refusalOf({})).toMatch(/^401 /);
  });
});

describe('claims', () => {
  it.each<[string, object, RegExp]>([
    ['is from another issuer', { iss: 'evil' }, /issuer/],
    ['has no issuer', { iss: undefined }, /issuer/],
    ['is for another audience', { aud: 'other' }, /audience/],
    ['has no audience', { aud: undefined }, /audience/],
    ['has expired', { exp: Math.floor(Date.now() / 1000) - 60 }, /expired/],
    ['is not valid yet', { nbf: Math.floor(Date.now() / 1000) + 60 }, /not valid yet/],
    ['has no exp', { exp: undefined }, /exp/],
    ['has an exp that is a text', { exp: '9999999999' }, /./],
    ['has no sub', { sub: undefined }, /sub/],
    ['has no sub, but an id', { sub: undefined, id: 'admin' }, /sub/],
    ['has no sub, but a userId', { sub: undefined, userId: 'admin' }, /sub/],
    ['has an empty sub', { sub: '' }, /sub/],
    ['has a sub that is too long', { sub: 'x'.repeat(129) }, /sub/],
    ['has a sub that is an object', { sub: { id: 1 } }, /sub/],
  ])('a token that %s is refused with 401, and says so', async (_what, claims, says) => {
    await start({ secret: SECRET, issuer: ['me', 'also me'], audience: 'rookery' });
    const token = mint(SECRET, { sub: 'u1', iss: 'me', aud: ['x', 'rookery'], ...claims });
    expect(await refusalOf({ token })).toMatch(/^401 /);
    expect(await refusalOf({ token })).toMatch(says);
  });

  it('a token with all that is asked for is accepted', async () => {
    await start({ secret: SECRET, issuer: ['me', 'also me'], audience: 'rookery' });
    const token = mint(SECRET, { sub: 'u1', iss: 'also me', aud: ['x', 'rookery'], role: 'admin' });
    expect(await whoIs({ token })).toMatchObject({ id: 'u1', name: 'u1', claims: { role: 'admin' }, anonymous: false });
    expect(await whoIs({ token: mint(SECRET, { sub: 'x'.repeat(128), iss: 'me', aud: 'rookery' }) })).toBeDefined();
  });

  it('clocks may differ by clockToleranceMs, in both directions', async () => {
    await start({ secret: SECRET, clockToleranceMs: 30_000 });
    const now = Math.floor(Date.now() / 1000);
    expect(await refusalOf({ token: mint(SECRET, { sub: 'u', exp: now - 40 }) })).toMatch(/expired/);
    expect(await refusalOf({ token: mint(SECRET, { sub: 'u', nbf: now + 40 }) })).toMatch(/not valid yet/);
    expect(await whoIs({ token: mint(SECRET, { sub: 'u', nbf: now + 20 }) })).toBeDefined();
    const late = await TestClient.connect(`${server?.url}/ws/jwt`, {
      token: mint(SECRET, { sub: 'u', exp: now - 20 }),
    });
    expect(await late.next('welcome')).toBeDefined();
    late.destroy();
  });

  it('a token without exp is accepted with requireExpiry: false, and does not expire', async () => {
    await start({ secret: SECRET, requireExpiry: false });
    const client = await TestClient.connect(`${server?.url}/ws/jwt`, {
      token: mint(SECRET, { sub: 'u', exp: undefined }),
    });
    expect((await client.next('welcome')).expiresAt).toBeUndefined();
    client.destroy();
  });

  it.each([
    [{ name: 'Ada' }, 'Ada'],
    [{ preferred_username: 'ada' }, 'ada'],
    [{ name: '', preferred_username: 'ada' }, 'ada'],
    [{ name: 'A\u0000d\u001ba\n' }, 'Ada'],
    [{ name: '\u202eadA' }, 'adA'],
    [{ name: 'x'.repeat(80) }, 'x'.repeat(64)],
    [{ name: 7 }, 'u1'],
    [{}, 'u1'],
  ])('%j is called "%s"', async (claims, name) => {
    await start({ secret: SECRET });
    expect(await whoIs({ token: mint(SECRET, { sub: 'u1', ...claims }) })).toMatchObject({ name });
  });
});

describe('where a token is looked for', () => {
  const good = (sub: string): string => mint(SECRET, { sub });

  it('header before subprotocol before query before cookie', async () => {
    await start({ secret: SECRET, cookie: 'sid' }, { handshake: { allowedOrigins: ['https://app.test'] } });
    const cookie = `a=1; sid=${good('cookie')}`;
    const bySubprotocol = ['rookery.v1', `bearer.${good('subprotocol')}`];
    const query = { token: good('query') };
    const header = `Bearer ${good('header')}`;
    expect(await whoIs({ headers: { cookie } })).toMatchObject({ id: 'cookie' });
    expect(await whoIs({ headers: { cookie }, query })).toMatchObject({ id: 'query' });
    expect(await whoIs({ headers: { cookie }, query, protocols: bySubprotocol })).toMatchObject({ id: 'subprotocol' });
    const all = { headers: { cookie, authorization: header }, query, protocols: bySubprotocol };
    expect(await whoIs(all)).toMatchObject({ id: 'header' });
    expect(await whoIs({ headers: { authorization: header.replace('Bearer', 'bEARER') } })).toMatchObject({
      id: 'header',
    });
  });

  it('the first that is found decides: an invalid one is not replaced by a valid one behind it', async () => {
    await start({ secret: SECRET, cookie: 'sid' }, { handshake: { allowedOrigins: ['https://app.test'] } });
    const bad = forge(good('x'));
    const cookie = `sid=${good('cookie')}`;
    expect(
      await refusalOf({ headers: { cookie, authorization: `Bearer ${bad}` }, query: { token: good('q') } }),
    ).toMatch(/^401/);
    expect(await refusalOf({ headers: { cookie }, query: { token: bad } })).toMatch(/^401/);
    expect(await refusalOf({ headers: { cookie }, query: { token: '' } })).toMatch(/^401/);
    const closed = await TestClient.connect(`${server?.url}/ws/jwt`, {
      protocols: ['rookery.v1', `bearer.${bad}`],
      headers: { cookie },
    });
    expect(await closed.closed()).toEqual({ code: 1008, reason: 'unauthenticated' });
  });

  it('a cookie is ignored where none is configured', async () => {
    await start({ secret: SECRET });
    expect(await refusalOf({ headers: { cookie: `sid=${good('cookie')}; token=${good('cookie')}` } })).toMatch(/^401/);
  });

  it('a cookie from a page that is not on the list is refused before it is looked at', async () => {
    await start(
      { secret: SECRET, cookie: 'sid' },
      { handshake: { allowedOrigins: ['https://app.test'], refusal: 'http' } },
    );
    const headers = { cookie: `sid=${good('cookie')}` };
    expect(await refusalOf({ headers, origin: 'https://evil.test' })).toMatch(/^403/);
    expect(await refusalOf({ headers, origin: 'null' })).toMatch(/^403/);
    expect(await whoIs({ headers, origin: 'https://app.test' })).toMatchObject({ id: 'cookie' });
  });

  it('another scheme of Authorization is no token, and does not hide one', async () => {
    await start({ secret: SECRET });
    const headers = { authorization: 'Basic dTpw' };
    expect(await refusalOf({ headers })).toMatch(/^401/);
    expect(await whoIs({ headers, query: { token: good('q') } })).toMatchObject({ id: 'q' });
  });

  it('bearer. without rookery.v1 is 400, and bearer. is never selected', async () => {
    await start({ secret: SECRET });
    expect(await refusalOf({ protocols: [`bearer.${good('x')}`] })).toMatch(/^400 .*rookery\.v1/);
    const client = await TestClient.connect(`${server?.url}/ws/jwt`, {
      protocols: [`bearer.${good('x')}`, 'rookery.v1', 'graphql-ws'],
    });
    expect(client.protocol).toBe('rookery.v1');
    client.destroy();
  });

  it('is not left in what handlers see of the request', async () => {
    await start({ secret: SECRET });
    const token = good('u1');
    const client = await TestClient.connect(`${server?.url}/ws/jwt?token=${token}&a=1`);
    await client.next('welcome');
    const [connection] = server?.registry.connections() ?? [];
    expect(connection?.url).toBe('/ws/jwt?a=1');
    expect(JSON.stringify(connection)).not.toContain(token);
    client.destroy();
  });
});

describe('anonymous connections', () => {
  it('are refused by default, let in everywhere with true, and in the namespaces of a list', async () => {
    await start({ secret: SECRET });
    expect(await refusalOf({})).toMatch(/^401/);
    await server?.close();
    await start({ secret: SECRET }, { auth: { allowAnonymous: true } });
    expect(await whoIs({})).toMatchObject({ anonymous: true, id: expect.stringMatching(/^anon-/) });
    await server?.close();
    handled.length = 0;
    await start({ secret: SECRET }, { auth: { allowAnonymous: ['open'] } });
    expect(await refusalOf({})).toMatch(/^401/);
    expect(await whoIs({}, '/ws/open')).toMatchObject({ anonymous: true });
  });

  it.each([
    ['forged', forge(mint(SECRET, { sub: 'u' }))],
    ['unsigned', mintUnsigned({ sub: 'u' })],
    ['expired', mint(SECRET, { sub: 'u' }, { expiresInMs: -60_000 })],
    ['no token at all', 'undefined'],
    ['a null', 'null'],
    ['empty', ''],
  ])('a token that is there and %s is refused, never downgraded', async (_what, token) => {
    await start({ secret: SECRET }, { auth: { allowAnonymous: true } });
    expect(await refusalOf({ query: { token } })).toMatch(/^401/);
    const headers: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` };
    if (token !== '') expect(await refusalOf({ headers })).toMatch(/^401/);
    const bySubprotocol = await TestClient.connect(`${server?.url}/ws/jwt`, {
      protocols: ['rookery.v1', `bearer.${token}`],
    });
    expect(await bySubprotocol.closed()).toEqual({ code: 1008, reason: 'unauthenticated' });
  });

  it('may not join rooms of a namespace that is not theirs', async () => {
    await start({ secret: SECRET }, { auth: { allowAnonymous: ['open'] } });
    const client = await TestClient.connect(`${server?.url}/ws/open`);
    expect(await client.request({ type: 'join', room: 'a' })).toMatchObject({ type: 'joined' });
    client.destroy();
  });
});

describe('the end of a token', () => {
  it('closes the connection with 4001, and only that one', async () => {
    const clock = new ManualClock();
    await start({ secret: SECRET, clockToleranceMs: 0 }, { clock, heartbeatMs: 0 });
    const at = `${server?.url}/ws/jwt/a`;
    const short = await TestClient.connect(at, {
      token: mint(SECRET, { sub: 'short' }, { now: clock.now(), expiresInMs: 60_000 }),
    });
    const long = await TestClient.connect(at, {
      token: mint(SECRET, { sub: 'long' }, { now: clock.now(), expiresInMs: 120_000 }),
    });
    await short.next('joined');
    await long.next('joined');
    clock.advance(58_000);
    expect(await short.request({ type: 'who' })).toMatchObject({ type: 'ack' });
    clock.advance(3_000);
    expect(await short.closed()).toEqual({ code: 4001, reason: 'token_expired' });
    expect(await long.request({ type: 'who' })).toMatchObject({ type: 'ack' });
    long.destroy();
  });

  it('a token brought by auth is answered once, also where the policy throws', async () => {
    let fail = false;
    class MoodyPolicy extends RoomPolicy {
      mayJoin(): boolean {
        if (fail) throw new Error('moody');
        return true;
      }

      mayPublish(): boolean {
        return true;
      }
    }
    await start({ secret: SECRET }, {}, [{ provide: RoomPolicy, useClass: MoodyPolicy }]);
    const client = await TestClient.connect(`${server?.url}/ws/jwt/a`, { token: mint(SECRET, { sub: 'u' }) });
    await client.next('joined');
    await client.request({ type: 'join', room: 'b' });
    fail = true;
    const token = mint(SECRET, { sub: 'u' }, { expiresInMs: 7_200_000 });
    expect(await client.request({ type: 'auth', token, id: 'once' })).toMatchObject({ type: 'ack' });
    expect(await client.next('left')).toMatchObject({ room: 'a', reason: 'forbidden' });
    expect(await client.next('left')).toMatchObject({ room: 'b', reason: 'forbidden' });
    await client.roundTrip();
    expect(client.received.filter(({ id }) => id === 'once')).toHaveLength(1);
    await until('it is in no room', () => server?.registry.rooms().length === 0);
    client.destroy();
  });

  it.each([
    ['of another subject', () => mint(SECRET, { sub: 'other' }, { expiresInMs: 7_200_000 })],
    ['that is forged', () => forge(mint(SECRET, { sub: 'u' }, { expiresInMs: 7_200_000 }))],
    ['that expires earlier', () => mint(SECRET, { sub: 'u' }, { expiresInMs: 60_000 })],
    ['without sub', () => mint(SECRET, { id: 'u' }, { expiresInMs: 7_200_000 })],
  ])('a token %s is not taken by auth, and nothing changes', async (_what, token) => {
    await start({ secret: SECRET });
    const client = await TestClient.connect(`${server?.url}/ws/jwt/a`, {
      token: mint(SECRET, { sub: 'u', role: 'first' }),
    });
    await client.next('joined');
    expect(await client.request({ type: 'auth', token: token() })).toMatchObject({
      type: 'error',
      code: 'unauthenticated',
    });
    expect(await client.request({ type: 'who' })).toMatchObject({ data: { id: 'u', claims: { role: 'first' } } });
    client.destroy();
  });

  it('auth on a server that checks no tokens is unauthenticated', async () => {
    await start(undefined, { auth: { allowAnonymous: true } });
    const client = await TestClient.connect(`${server?.url}/ws/open`);
    expect(await client.request({ type: 'auth', token: 'x' })).toMatchObject({
      type: 'error',
      code: 'unauthenticated',
    });
    client.destroy();
  });
});
