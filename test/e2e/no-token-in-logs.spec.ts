import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ConsoleLogger, HttpException, Logger } from '@nestjs/common';
import { ConnectedSocket, SubscribeMessage } from '@nestjs/websockets';
import { HandshakeGuards, JwtHandshakeGuard, RealtimeGateway } from '../../src/index.js';
import type { Connection, OnJoin, Room } from '../../src/index.js';
import { startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestClientOptions, TestServer } from '../../src/testing/index.js';
import { CapturedLogger } from '../support/captured-logger.js';
import { Issuer, keyFor, sign } from '../support/issuer.js';
import { forge, mint } from '../support/tokens.js';
import { until } from '../support/within.js';

jest.setTimeout(30_000);

const SECRET = 'a secret of the tests, long enough for HS256';

/** Everything that this process writes, by whichever way. */
let written: string[];
let restore: (() => void)[];

beforeEach(() => {
  written = [];
  restore = [process.stdout, process.stderr].map((stream) => {
    const spy = jest.spyOn(stream, 'write').mockImplementation((chunk: unknown) => {
      written.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString());
      return true;
    });
    return () => spy.mockRestore();
  });
});

afterEach(async () => {
  for (const undo of restore) undo();
  await server?.close();
  server = undefined;
});

let server: TestServer | undefined;

@RealtimeGateway('/ws/logged{/:room}')
@HandshakeGuards(JwtHandshakeGuard)
class LoggedGateway implements OnJoin {
  private readonly logger = new Logger('App');

  handleConnection(connection: Connection): void {
    this.logger.log(connection);
    this.logger.log({ connection });
    this.logger.log({ query: connection.query });
    this.logger.log(`${JSON.stringify(connection)} ${connection.url}`);
  }

  onJoin(room: Room, connection: Connection): void {
    if (room.name === 'broken') throw new Error(`could not let in ${connection.url}`);
  }

  @SubscribeMessage('fail')
  fail(@ConnectedSocket() connection: Connection): never {
    this.logger.error(connection);
    throw new Error(`failed for ${connection.url}`);
  }

  @SubscribeMessage('status')
  status(): never {
    throw new HttpException('no', 403);
  }
}

const ways: { how: string; options: (token: string) => TestClientOptions }[] = [
  { how: 'the header', options: (token) => ({ token }) },
  { how: 'the subprotocol', options: (token) => ({ token, tokenBy: 'subprotocol' }) },
  { how: 'the query', options: (token) => ({ token, tokenBy: 'query' }) },
  { how: 'a query with other names around it', options: (token) => ({ query: { a: '1', token, b: '2' } }) },
  { how: 'a cookie', options: (token) => ({ headers: { cookie: `sid=${token}` } }) },
  { how: 'all of them', options: (token) => ({ token, query: { token }, headers: { cookie: `sid=${token}` } }) },
];

const tokens: { what: string; token: () => string; good: boolean }[] = [
  { what: 'a valid token', token: () => mint(SECRET, { sub: 'u1' }), good: true },
  { what: 'a forged token', token: () => forge(mint(SECRET, { sub: 'u1' })), good: false },
  { what: 'an expired token', token: () => mint(SECRET, { sub: 'u1' }, { expiresInMs: -60_000 }), good: false },
  { what: 'a token that is none', token: () => 'not-a-jwt-but-as-secret-as-one', good: false },
];

const cases = ways.flatMap(({ how, options }) => tokens.map((token) => ({ how, options, ...token })));

async function visit(options: TestClientOptions, good: boolean, token: string): Promise<void> {
  const url = `${server?.url}/ws/logged`;
  if (!good) {
    for (const path of [`${url}/a`, `${url}/%zz`, `${server?.url}/nowhere`]) await connectOrNot(path, options);
    return;
  }
  const client = await TestClient.connect(`${url}/a`, options);
  await client.next('joined');
  await client.request({ type: 'fail' });
  await client.request({ type: 'status' });
  await client.request({ type: 'nothing-like-this' });
  await client.request({ type: 'auth', token });
  await client.request({ type: 'auth', token: `${token}x` });
  client.sendText(`{"type": "message", "token": "${token}", broken`);
  await client.next((frame) => frame.code === 'bad_frame');
  await client.close();
  const refused = await TestClient.connect(`${url}/broken`, options);
  await refused.closed();
  await connectOrNot(`${url}/%zz`, options);
}

async function connectOrNot(url: string, options: TestClientOptions): Promise<void> {
  try {
    const client = await TestClient.connect(url, options);
    await client.closed();
  } catch (error) {
    expect(String(error)).toMatch(/\b4\d\d\b/);
  }
}

describe.each([
  { format: 'as text', logger: () => new ConsoleLogger() },
  { format: 'as JSON lines', logger: () => new ConsoleLogger({ json: true }) },
  { format: 'with every field of every object', logger: () => new CapturedLogger() },
])('what is logged $format', ({ logger }) => {
  it.each(cases)('has nothing of $what that came by $how', async ({ options, token, good }) => {
    const secret = token();
    const used = logger();
    server = await startTestServer({
      gateways: [LoggedGateway],
      options: {
        auth: { jwt: { secret: SECRET, cookie: 'sid' } },
        handshake: { allowedOrigins: ['https://app.test'] },
      },
      logger: used,
    });
    await visit(options(secret), good, secret);
    const output = (): string => written.join('') + (used instanceof CapturedLogger ? used.text : '');
    await until('it was logged', () => output().includes(good ? 'disconnected' : 'refused'));
    await server.close();
    for (const undo of restore) undo();
    expect(output()).toContain('LoggedGateway');
    const parts = secret.split('.').filter((part) => part.length > 8);
    for (const part of parts) expect(output()).not.toContain(part.slice(0, 40));
    expect(output()).not.toContain(SECRET);
  });
});

describe('what is logged while the issuer of the keys is away', () => {
  it.each(ways)('has nothing of a token that came by $how, nor of one brought by auth', async ({ options }) => {
    const key = keyFor('ES256');
    const issuer = await Issuer.start(key);
    const used = new CapturedLogger();
    server = await startTestServer({
      gateways: [LoggedGateway],
      options: {
        auth: { jwt: { secret: SECRET, jwksUri: `${issuer.uri}?key=hunter2`, cookie: 'sid' } },
        handshake: { allowedOrigins: ['https://app.test'] },
      },
      logger: used,
      configure: () => issuer.goAway(),
    });
    const secret = await sign(key, 'ES256', { sub: 'u1' });
    expect((await TestClient.refusal(`${server.url}/ws/logged/a`, options(secret))).status).toBe(503);
    const client = await TestClient.connect(`${server.url}/ws/logged/a`, { token: mint(SECRET, { sub: 'u1' }) });
    await client.next('joined');
    expect(await client.request({ type: 'auth', token: secret })).toMatchObject({ code: 'unavailable' });
    client.destroy();
    await until('it was logged', () => used.text.includes('disconnected'));
    await server.close();
    await issuer.stop();
    for (const undo of restore) undo();
    const output = written.join('') + used.text;
    expect(output).toContain('keys_fetch_failed');
    for (const part of [...secret.split('.'), 'hunter2']) expect(output).not.toContain(part.slice(0, 40));
  });
});
