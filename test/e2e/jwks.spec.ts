import { createHmac } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { SubscribeMessage } from '@nestjs/websockets';
import {
  CurrentIdentity,
  HandshakeGuards,
  JwtHandshakeGuard,
  RealtimeEvents,
  RealtimeGateway,
} from '../../src/index.js';
import type { Identity, JwtOptions } from '../../src/index.js';
import { ManualClock, startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestClientOptions, TestServer } from '../../src/testing/index.js';
import { CapturedLogger } from '../support/captured-logger.js';
import { Issuer, keyFor, sign } from '../support/issuer.js';
import type { IssuerKey } from '../support/issuer.js';
import { mint } from '../support/tokens.js';
import { until } from '../support/within.js';

jest.setTimeout(20_000);

const SECRET = 'a secret of the tests, long enough for HS256';
const COOLDOWN_MS = 10_000;
const REFRESH_MS = 600_000;
const es256 = keyFor('ES256');

@RealtimeGateway('/ws/keys{/:room}')
@HandshakeGuards(JwtHandshakeGuard)
class KeysGateway {
  @SubscribeMessage('who')
  who(@CurrentIdentity() identity: Identity): object {
    return { id: identity.id };
  }
}

let server: TestServer | undefined;
let issuer: Issuer;
let clock: ManualClock;
let logger: CapturedLogger;
let fetches: number;
let failures: string[];

afterEach(async () => {
  await server?.close();
  server = undefined;
  await issuer.stop();
});

/** Starts an issuer and a server that takes its keys; resolves when they were asked for once. */
async function start(
  keys: IssuerKey[],
  jwt: JwtOptions = {},
  prepare: (issuer: Issuer) => void = () => undefined,
): Promise<void> {
  await server?.close();
  await issuer?.stop();
  issuer = await Issuer.start(...keys);
  prepare(issuer);
  clock = new ManualClock();
  logger = new CapturedLogger();
  fetches = 0;
  failures = [];
  server = await startTestServer({
    gateways: [KeysGateway],
    options: { clock, heartbeatMs: 0, auth: { jwt: { jwksUri: issuer.uri, ...jwt } } },
    logger,
    configure: (app) => {
      const events = app.get(RealtimeEvents, { strict: false });
      events.on('keysFetched', () => (fetches += 1));
      events.on('keysFetchFailed', ({ why }) => failures.push(why));
    },
  });
}

/** Lets a fetch that time or a token began come to its end. */
async function asked(times: number): Promise<void> {
  await until(
    `the issuer was asked ${times} times`,
    () => issuer.requests === times && fetches + failures.length === times,
  );
}

async function connect(token: string, more: TestClientOptions = {}): Promise<TestClient> {
  return TestClient.connect(`${server?.url}/ws/keys`, { token, ...more });
}

async function accepts(token: string): Promise<void> {
  const client = await connect(token);
  expect(await client.request({ type: 'who' })).toMatchObject({ data: { id: 'u' } });
  client.destroy();
}

async function statusOf(token: string, more: TestClientOptions = {}): Promise<string> {
  const { status, body } = await TestClient.refusal(`${server?.url}/ws/keys`, { token, ...more });
  for (const part of token.split('.').filter((text) => text.length > 8)) expect(body).not.toContain(part);
  return `${status} ${(JSON.parse(body) as { message: string }).message}`;
}

/** A token with whatever stands in its head, signed by HMAC. */
function hmacToken(header: object, secret: string | Buffer): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encode(header)}.${encode({ sub: 'u', exp: Math.floor(Date.now() / 1000) + 600 })}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

describe('tokens by the keys of an issuer', () => {
  it.each(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'])(
    'are accepted with %s',
    async (algorithm) => {
      const key = keyFor(algorithm);
      await start([es256, key]);
      await accepts(await sign(key, algorithm, { sub: 'u' }));
    },
  );

  it('are accepted beside secrets and public keys, which never ask the issuer', async () => {
    const own = keyFor('RS256');
    const pem = own.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    await start([es256], { secret: SECRET, publicKey: pem });
    await asked(1);
    clock.advance(COOLDOWN_MS);
    await accepts(mint(SECRET, { sub: 'u' }));
    await accepts(await sign(own, 'RS256', { sub: 'u' }));
    await accepts(await sign(es256, 'ES256', { sub: 'u' }));
    expect(issuer.requests).toBe(1);
  });

  it('without a key id are tried with each key that fits', async () => {
    const [first, second, foreign] = [keyFor('ES256'), keyFor('ES256'), keyFor('ES256')];
    await start([first, second]);
    await accepts(await sign(second, 'ES256', { sub: 'u' }, null));
    expect(await statusOf(await sign(foreign, 'ES256', { sub: 'u' }, null))).toBe('401 invalid token');
  });

  it.each<[string, object, RegExp]>([
    ['is from another issuer', { iss: 'evil' }, /another issuer/],
    ['has no issuer', { iss: undefined }, /another issuer/],
    ['is for another audience', { aud: 'other' }, /another audience/],
    ['has no audience', { aud: undefined }, /another audience/],
    ['has expired', { exp: Math.floor(Date.now() / 1000) - 60 }, /expired/],
    ['is not valid yet', { nbf: Math.floor(Date.now() / 1000) + 60 }, /not valid yet/],
    ['has no exp', { exp: undefined }, /"exp"/],
    ['has no sub', { sub: undefined }, /"sub"/],
  ])('are refused with 401 where one %s', async (_what, claims, says) => {
    await start([es256], { issuer: ['me', 'also me'], audience: 'rookery' });
    const good = { sub: 'u', iss: 'also me', aud: ['x', 'rookery'] };
    await accepts(await sign(es256, 'ES256', good));
    const answer = await statusOf(await sign(es256, 'ES256', { ...good, ...claims }));
    expect(answer).toMatch(/^401 /);
    expect(answer).toMatch(says);
  });
});

describe('what a key may not be used for', () => {
  const rsa = keyFor('RS256');
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();

  it.each<[string, string | Buffer]>([
    ['its PEM', pem],
    ['its PEM without the last newline', pem.trimEnd()],
    ['its DER', rsa.publicKey.export({ type: 'spki', format: 'der' })],
    ['its JWK', JSON.stringify(rsa.jwk)],
    ['its modulus', Buffer.from(String(rsa.jwk['n']), 'base64url')],
  ])('an HMAC with %s as the secret is refused', async (_what, secret) => {
    for (const jwt of [{}, { secret: SECRET }]) {
      await start([rsa], jwt);
      expect(await statusOf(hmacToken({ alg: 'HS256', kid: rsa.kid }, secret))).toBe('401 invalid token');
    }
  });

  it('an HMAC with a secret that is published is refused', async () => {
    const jwk = { kty: 'oct', k: Buffer.from(SECRET).toString('base64url'), kid: 'shared', alg: 'HS256' };
    await start([{ ...es256, jwk }]);
    expect(await statusOf(hmacToken({ alg: 'HS256', kid: 'shared' }, SECRET))).toBe('401 invalid token');
    await asked(1);
  });

  it.each(['none', 'None', 'nOnE'])('alg %s is refused, with and without a signature', async (alg) => {
    await start([rsa]);
    const token = hmacToken({ alg, kid: rsa.kid }, pem);
    expect(await statusOf(token)).toBe('401 invalid token');
    expect(await statusOf(token.replace(/[^.]*$/, ''))).toBe('401 invalid token');
  });

  it.each<[string, object]>([
    ['for another algorithm', { alg: 'RS512' }],
    ['to encrypt', { use: 'enc' }],
    ['to sign and not to verify', { key_ops: ['sign'] }],
    ['as a private one', rsa.privateKey.export({ format: 'jwk' })],
  ])('a key that is published %s verifies nothing', async (_what, more) => {
    await start([{ ...rsa, jwk: { ...rsa.jwk, ...more } }]);
    expect(await statusOf(await sign(rsa, 'RS256', { sub: 'u' }))).toMatch(/^401 /);
  });

  it('a key does not verify an algorithm of another kind of key', async () => {
    await start([{ ...es256, jwk: { ...es256.jwk, kid: rsa.kid } }]);
    expect(await statusOf(await sign(rsa, 'RS256', { sub: 'u' }))).toMatch(/^401 /);
  });

  it('a key that the token brings along, or the place of one, is not looked at', async () => {
    const [mine, elsewhere] = [keyFor('RS256'), await Issuer.start()];
    await start([rsa]);
    const token = await sign(mine, 'RS256', { sub: 'u' });
    const header = { alg: 'RS256', kid: rsa.kid, jwk: mine.jwk, jku: elsewhere.uri, x5u: elsewhere.uri };
    const [, body = ''] = token.split('.');
    const input = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${body}`;
    expect(await statusOf(`${input}.${token.split('.')[2]}`)).toMatch(/^401 /);
    expect(elsewhere.requests).toBe(0);
    await elsewhere.stop();
  });

  it('only the algorithms that are pinned are taken', async () => {
    await start([rsa], { algorithms: ['RS512'] });
    expect(await statusOf(await sign(rsa, 'RS256', { sub: 'u' }))).toMatch(/^401 /);
    await accepts(await sign(rsa, 'RS512', { sub: 'u' }));
  });
});

describe('an unknown key', () => {
  it('is looked for once, and the token with it is accepted', async () => {
    const next = keyFor('ES256');
    await start([es256]);
    await asked(1);
    issuer.keys = [es256, next];
    clock.advance(COOLDOWN_MS);
    await accepts(await sign(next, 'ES256', { sub: 'u' }));
    await accepts(await sign(es256, 'ES256', { sub: 'u' }));
    expect(issuer.requests).toBe(2);
  });

  it('that somebody makes up causes one request in ten seconds, however many there are', async () => {
    await start([es256]);
    await asked(1);
    clock.advance(COOLDOWN_MS);
    const made = await Promise.all(Array.from({ length: 20 }, () => sign(keyFor('ES256'), 'ES256', { sub: 'u' })));
    const answers = await Promise.all(made.map((token) => statusOf(token)));
    expect(new Set(answers)).toEqual(new Set(['401 the token is signed by a key that the issuer does not publish']));
    expect(issuer.requests).toBe(2);
    clock.advance(COOLDOWN_MS - 1);
    expect(await statusOf(made[0] as string)).toMatch(/^401 /);
    expect(issuer.requests).toBe(2);
    clock.advance(1);
    expect(await statusOf(made[0] as string)).toMatch(/^401 /);
    expect(issuer.requests).toBe(3);
  });

  it('is no reason to ask for a token that is none, or whose algorithm is not taken', async () => {
    await start([es256]);
    await asked(1);
    clock.advance(COOLDOWN_MS);
    for (const token of ['x', 'a.b.c', hmacToken({ alg: 'HS256', kid: 'unknown' }, 'x')]) {
      expect(await statusOf(token)).toMatch(/^401 /);
    }
    expect(issuer.requests).toBe(1);
  });

  it('withdrawn by its issuer is refused ten minutes later at the latest', async () => {
    const gone = keyFor('ES256');
    await start([es256, gone]);
    await asked(1);
    const token = await sign(gone, 'ES256', { sub: 'u' });
    await accepts(token);
    issuer.keys = [es256];
    clock.advance(REFRESH_MS);
    await asked(2);
    expect(await statusOf(token)).toMatch(/^401 /);
  });
});

describe('handshakes at once', () => {
  it('share one fetch', async () => {
    const waiting: ServerResponse[] = [];
    await start([es256], {}, (fresh) => (fresh.answer = (response) => waiting.push(response)));
    const token = await sign(es256, 'ES256', { sub: 'u' });
    const clients = Array.from({ length: 30 }, () => connect(token));
    await until('the issuer is asked', () => waiting.length > 0);
    for (const response of waiting) issuer.publish(response);
    for (const client of await Promise.all(clients)) client.destroy();
    expect(issuer.requests).toBe(1);
  });
});

describe('while the issuer is away', () => {
  it('a token that can not be checked is answered 503 with Retry-After, whoever asks', async () => {
    await start([es256], {}, (fresh) => fresh.goAway());
    await asked(1);
    const token = await sign(es256, 'ES256', { sub: 'u' });
    for (const more of [{}, { origin: server?.url.replace('ws', 'http') ?? '' }, { tokenBy: 'subprotocol' as const }]) {
      const { status, headers, body } = await TestClient.refusal(`${server?.url}/ws/keys`, { token, ...more });
      expect({ status, retryAfter: headers['retry-after'] }).toEqual({ status: 503, retryAfter: '2' });
      expect(JSON.parse(body)).toMatchObject({ code: 'unavailable' });
    }
    expect(issuer.requests).toBe(1);
    expect(logger.text).toContain('keys_fetch_failed');
    expect(logger.text).not.toContain(token.split('.')[2]);
  });

  it('a token that is bad whatever the keys are is refused all the same', async () => {
    await start([es256], { secret: SECRET }, (fresh) => fresh.goAway());
    expect(await statusOf('no token')).toBe('401 invalid token');
    expect(await statusOf(hmacToken({ alg: 'none' }, 'x'))).toBe('401 invalid token');
    expect(await statusOf(mint(SECRET, { sub: 'u' }, { expiresInMs: -60_000 }))).toBe('401 the token has expired');
    await accepts(mint(SECRET, { sub: 'u' }));
  });

  it('it is asked every two seconds at most, and is found again by the next token', async () => {
    await start([es256], {}, (fresh) => fresh.goAway());
    await asked(1);
    const token = await sign(es256, 'ES256', { sub: 'u' });
    clock.advance(1_999);
    expect(await statusOf(token)).toMatch(/^503 /);
    expect(issuer.requests).toBe(1);
    clock.advance(1);
    expect(await statusOf(token)).toMatch(/^503 /);
    expect(issuer.requests).toBe(2);
    issuer.comeBack();
    clock.advance(2_000);
    await accepts(token);
  });

  it('it is found again without a token too', async () => {
    await start([es256], {}, (fresh) => fresh.goAway());
    await asked(1);
    issuer.comeBack();
    clock.advance(10_000);
    await asked(2);
    await accepts(await sign(es256, 'ES256', { sub: 'u' }));
    expect(issuer.requests).toBe(2);
  });

  it('keys that came before stay good, for as long as it takes', async () => {
    await start([es256]);
    await asked(1);
    issuer.goAway();
    for (let hour = 1; hour <= 3; hour += 1) {
      const before = issuer.requests;
      clock.advance(3_600_000);
      await until('it was asked again', () => issuer.requests > before);
      await accepts(await sign(es256, 'ES256', { sub: 'u', exp: Math.floor(Date.now() / 1000) + 36_000 }));
    }
    expect(await statusOf(await sign(keyFor('ES256'), 'ES256', { sub: 'u' }))).toMatch(/^503 /);
  });

  it('a token brought by auth is answered unavailable, and the connection lives', async () => {
    await start([es256]);
    await asked(1);
    const client = await connect(await sign(es256, 'ES256', { sub: 'u' }));
    const next = keyFor('ES256');
    issuer.keys = [next];
    issuer.goAway();
    clock.advance(COOLDOWN_MS);
    const token = await sign(next, 'ES256', { sub: 'u', exp: Math.floor(Date.now() / 1000) + 7_200 });
    expect(await client.request({ type: 'auth', token, id: 'a' })).toMatchObject({
      type: 'error',
      id: 'a',
      code: 'unavailable',
      retryMs: 2_000,
    });
    expect(await client.request({ type: 'who' })).toMatchObject({ data: { id: 'u' } });
    issuer.comeBack();
    clock.advance(2_000);
    expect(await client.request({ type: 'auth', token, id: 'a' })).toMatchObject({ type: 'ack', id: 'a' });
    client.destroy();
  });

  it.each<[string, (response: ServerResponse) => void, RegExp]>([
    ['answers 500', (response) => response.writeHead(500).end('{"keys":[]}'), /500/],
    ['leads elsewhere', (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), /redirect/],
    ['answers with a page', (response) => response.end('<!doctype html>'), /JSON/],
    ['answers with something else', (response) => response.end('{"keys":"none"}'), /malformed/],
    ['answers with null', (response) => response.end('null'), /./],
    [
      'never ends its answer',
      (response) => response.end(`{"keys":[],"x":"${'x'.repeat(1_100_000)}"}`),
      /1048576 bytes/,
    ],
  ])('is away too where it %s', async (_what, answer, says) => {
    await start([es256], {}, (fresh) => (fresh.answer = answer));
    await asked(1);
    expect(failures.join()).toMatch(says);
    expect(await statusOf(await sign(es256, 'ES256', { sub: 'u' }))).toMatch(/^503 /);
  });

  it('is away too where it does not answer within three seconds', async () => {
    await start([es256], {}, (fresh) => (fresh.answer = () => undefined));
    const refused = statusOf(await sign(es256, 'ES256', { sub: 'u' }));
    await until('it is asked', () => issuer.requests === 1);
    clock.advance(3_000);
    expect(await refused).toMatch(/^503 /);
    expect(failures).toEqual(['no answer within 3000 ms']);
  });
});

describe('the start', () => {
  it.each([
    'keys.example',
    '/keys',
    'ftp://issuer.example/keys',
    'file:///etc/passwd',
    'https://me:hunter2@issuer.example/keys',
  ])('is refused with the URI %s, which is not repeated', async (jwksUri) => {
    await expect(start([], { jwksUri })).rejects.toThrow(/auth\.jwt\.jwksUri: expected the URL/);
    await expect(start([], { jwksUri })).rejects.not.toThrow(/hunter2/);
  });

  it('is refused where no algorithm fits', async () => {
    await expect(start([], { algorithms: ['HS256'] })).rejects.toThrow(/jwksUri/);
  });

  it('does not wait for an issuer that is away', async () => {
    await start([es256], { secret: SECRET }, (fresh) => (fresh.answer = () => undefined));
    await accepts(mint(SECRET, { sub: 'u' }));
  });

  it('logs where the keys could not be had, without what the query may hide', async () => {
    await start([es256], {}, (fresh) => fresh.goAway());
    await server?.close();
    const options = { auth: { jwt: { jwksUri: `${issuer.uri}?key=hunter2` } } };
    logger = new CapturedLogger();
    server = await startTestServer({ gateways: [KeysGateway], options, logger });
    await until('it is logged', () => logger.text.includes('keys_fetch_failed'));
    expect(logger.text).toContain(issuer.uri);
    expect(logger.text).not.toContain('hunter2');
  });
});
