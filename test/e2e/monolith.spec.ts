import { request } from 'node:http';
import { request as requestByTls } from 'node:https';
import type { IncomingMessage, Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, HttpCode, Injectable, Module, Post, ValidationPipe } from '@nestjs/common';
import type { CanActivate, ExecutionContext, INestApplication, Type } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { OnGatewayConnection, OnGatewayDisconnect, WsResponse } from '@nestjs/websockets';
import { IsString } from 'class-validator';
import { WebSocket, WebSocketServer } from 'ws';
import { CurrentRoom, RealtimeGateway, RealtimeModule, RealtimeWsAdapter } from '../../src/index.js';
import type { PublishResult, Room } from '../../src/index.js';
import { ManualClock, TestClient } from '../../src/testing/index.js';
import { PlainSocket } from '../support/plain-socket.js';
import { nestMajor, runsGlobalsOnFrames } from '../support/nest-version.js';
import { until, within } from '../support/within.js';
import { TEST_CERTIFICATE, TEST_KEY } from './tls.fixture.js';

class TextDto {
  @IsString()
  text!: string;
}

/** A gateway as an application has it before it knows of us. */
@WebSocketGateway({ path: '/plain' })
class PlainGateway implements OnGatewayConnection, OnGatewayDisconnect {
  static calls: string[] = [];

  handleConnection(client: WebSocket, incoming: IncomingMessage): void {
    PlainGateway.calls.push(`connected ${incoming.url}`);
    client.send(JSON.stringify({ event: 'hello', data: incoming.url }));
  }

  handleDisconnect(): void {
    PlainGateway.calls.push('disconnected');
  }

  @SubscribeMessage('echo')
  echo(@MessageBody() data: unknown): WsResponse {
    return { event: 'echoed', data };
  }

  @SubscribeMessage('validated')
  validated(@MessageBody() dto: TextDto): WsResponse {
    return { event: 'valid', data: dto.text };
  }
}

/** A second one, with its own options. */
@WebSocketGateway({ path: '/plain/other' })
class OtherPlainGateway {
  @SubscribeMessage('echo')
  echo(): WsResponse {
    return { event: 'other', data: 1 };
  }
}

@Controller()
class HelloController {
  @Get('hello')
  hello(): string {
    return 'hello';
  }

  @Post('shout')
  @HttpCode(200)
  shout(@Body() dto: TextDto): string {
    return dto.text.toUpperCase();
  }
}

@Injectable()
class KeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return true;
    return context.switchToHttp().getRequest<IncomingMessage>().headers['x-key'] === 'k';
  }
}

@RealtimeGateway('/ws/chat{/:room}')
class ChatGateway {
  @SubscribeMessage('message')
  say(@CurrentRoom() room: Room, @MessageBody() dto: TextDto): Promise<PublishResult> {
    return room.publish('message', dto);
  }
}

@Module({})
class MonolithModule {}

interface Monolith {
  readonly app: INestApplication;
  readonly port: number;
  readonly ws: string;
}

/** Takes the upgrades of one path, as graphql-ws and development servers do, and says nothing about others. */
function foreignListener(path: string): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const server = new WebSocketServer({ noServer: true });
  server.on('connection', (socket) => {
    socket.on('error', () => undefined); // The test looks at the close.
    socket.on('message', (data: Buffer) => socket.send(`${path} ${data.toString()}`));
  });
  return (incoming, socket, head) => {
    if (incoming.url !== path) return;
    server.handleUpgrade(incoming, socket, head, (ws) => server.emit('connection', ws, incoming));
  };
}

const clock = new ManualClock();

async function startMonolith(ours: boolean, gateways: readonly Type[], foreign = true): Promise<Monolith> {
  const app = await NestFactory.create(
    {
      module: MonolithModule,
      imports: [RealtimeModule.forRoot({ auth: { allowAnonymous: true }, clock })],
      controllers: [HelloController],
      providers: [...gateways, { provide: APP_GUARD, useClass: KeyGuard }],
    },
    { logger: false, abortOnError: false },
  );
  app.useWebSocketAdapter(ours ? new RealtimeWsAdapter(app) : new WsAdapter(app));
  app.useGlobalPipes(new ValidationPipe({ transform: true }));
  const server = app.getHttpServer() as Server;
  if (foreign) server.on('upgrade', foreignListener('/graphql'));
  await app.listen(0, '127.0.0.1');
  if (foreign) server.on('upgrade', foreignListener('/dev'));
  const { port } = server.address() as AddressInfo;
  return { app, port, ws: `ws://127.0.0.1:${port}` };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(port: number, path: string, headers: Record<string, string>, body?: string): Promise<Answer> {
  return within(
    `an answer of ${path}`,
    new Promise((resolve, reject) => {
      const asked = request({ port, host: '127.0.0.1', path, headers, method: body === undefined ? 'GET' : 'POST' });
      asked.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
        });
      });
      asked.on('error', reject);
      asked.end(body);
    }),
  );
}

async function tell(socket: PlainSocket, event: string, data: unknown): Promise<unknown> {
  socket.send(JSON.stringify({ event, data }));
  return JSON.parse(await socket.next()) as unknown;
}

/** What a client gets that asks for a path: the echo of `x`, or nothing, because the socket was destroyed. */
function echoOf(url: string): Promise<string> {
  const socket = new WebSocket(url);
  const answer = new Promise<string>((resolve) => {
    socket.on('open', () => socket.send('x'));
    socket.on('message', (data: Buffer) => {
      resolve(data.toString());
      socket.terminate();
    });
    socket.on('error', () => undefined); // 'close' follows.
    socket.on('close', () => resolve('destroyed'));
  });
  return within(`the fate of ${url}`, answer);
}

describe.each([
  { adapter: 'the stock WsAdapter', ours: false, gateways: [PlainGateway, OtherPlainGateway] },
  { adapter: 'RealtimeWsAdapter', ours: true, gateways: [PlainGateway, OtherPlainGateway] },
  {
    adapter: 'RealtimeWsAdapter beside a @RealtimeGateway',
    ours: true,
    gateways: [ChatGateway, PlainGateway, OtherPlainGateway],
  },
])('a monolith under $adapter', ({ ours, gateways }) => {
  let monolith: Monolith;

  beforeEach(async () => {
    PlainGateway.calls = [];
    monolith = await startMonolith(ours, gateways);
  });

  afterEach(() => monolith.app.close());

  it('calls handleConnection and handleDisconnect of a plain gateway, with the request', async () => {
    const socket = await PlainSocket.open(`${monolith.ws}/plain?a=1`);
    expect(JSON.parse(await socket.next())).toEqual({ event: 'hello', data: '/plain?a=1' });
    socket.close();
    await until('handleDisconnect was called', () => PlainGateway.calls.includes('disconnected'));
    expect(PlainGateway.calls).toEqual(['connected /plain?a=1', 'disconnected']);
  });

  it('answers the events of a plain gateway with WsResponse', async () => {
    const socket = await PlainSocket.open(`${monolith.ws}/plain`);
    await socket.next();
    expect(await tell(socket, 'echo', { a: [1] })).toEqual({ event: 'echoed', data: { a: [1] } });
    socket.terminate();
  });

  it('keeps two plain gateways apart by their paths', async () => {
    const socket = await PlainSocket.open(`${monolith.ws}/plain/other`);
    expect(await tell(socket, 'echo', 0)).toEqual({ event: 'other', data: 1 });
    socket.terminate();
  });

  it('runs the global ValidationPipe on a plain gateway, with the same answers', async () => {
    const socket = await PlainSocket.open(`${monolith.ws}/plain`);
    await socket.next();
    expect(await tell(socket, 'validated', { text: 'fine' })).toEqual({ event: 'valid', data: 'fine' });
    const answer = runsGlobalsOnFrames
      ? { event: 'exception', data: { status: 'error', message: 'Internal server error' } }
      : { event: 'valid', data: 1 };
    expect(await tell(socket, 'validated', { text: 1 })).toMatchObject(answer);
    socket.terminate();
  });

  it('finds a plain gateway by the path as the URL standard reads it', async () => {
    const socket = connect(monolith.port, '127.0.0.1');
    socket.on('error', () => undefined); // The answer is what counts.
    socket.write(
      'GET /x/../plain HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n',
    );
    const [first] = await within(
      'the answer',
      new Promise<[Buffer]>((resolve) => socket.once('data', (d: Buffer) => resolve([d]))),
    );
    expect(first.toString()).toMatch(/^HTTP\/1\.1 101 /);
    socket.destroy();
  });

  it('guards and validates the HTTP application', async () => {
    const json = { 'content-type': 'application/json' };
    expect(await ask(monolith.port, '/hello', { 'x-key': 'k' })).toEqual({ status: 200, body: 'hello' });
    expect((await ask(monolith.port, '/hello', {})).status).toBe(403);
    expect(await ask(monolith.port, '/shout', { 'x-key': 'k', ...json }, '{"text":"hi"}')).toEqual({
      status: 200,
      body: 'HI',
    });
    expect((await ask(monolith.port, '/shout', { 'x-key': 'k', ...json }, '{"text":1}')).status).toBe(400);
  });

  it('closes plain connections when the application closes', async () => {
    const socket = await PlainSocket.open(`${monolith.ws}/plain`);
    await monolith.app.close();
    expect((await socket.closed()).code).toBe(1006);
    monolith = await startMonolith(ours, gateways);
  });
});

describe('what the stock WsAdapter does to upgrades that it does not know', () => {
  let monolith: Monolith;

  beforeEach(async () => {
    monolith = await startMonolith(false, [PlainGateway]);
  });

  afterEach(() => monolith.app.close());

  it('destroys those of a foreign listener, registered before or after it', async () => {
    expect(await echoOf(`${monolith.ws}/graphql`)).toBe('destroyed');
    expect(await echoOf(`${monolith.ws}/dev`)).toBe('destroyed');
  });

  it('destroys those that are no WebSocket, though a route has the path', async () => {
    const headers = { 'x-key': 'k', connection: 'Upgrade', upgrade: 'h2c' };
    await expect(ask(monolith.port, '/hello', headers)).rejects.toThrow(/hang up|ECONNRESET/);
  });

  it('destroys those of unknown paths without an answer', async () => {
    await expect(TestClient.refusal(`${monolith.ws}/nobody`)).rejects.toThrow(/hang up|ECONNRESET/);
  });
});

describe.each([
  { with: 'a plain gateway', gateways: [PlainGateway] },
  { with: 'a @RealtimeGateway', gateways: [ChatGateway] },
  { with: 'both', gateways: [ChatGateway, PlainGateway] },
])('what RealtimeWsAdapter does to upgrades that are not its own, with $with', ({ gateways }) => {
  let monolith: Monolith;

  beforeEach(async () => {
    monolith = await startMonolith(true, gateways);
  });

  afterEach(() => monolith.app.close());

  it('leaves those of foreign listeners to them, registered before or after listen', async () => {
    expect(await echoOf(`${monolith.ws}/graphql`)).toBe('/graphql x');
    expect(await echoOf(`${monolith.ws}/dev`)).toBe('/dev x');
  });

  it('serves a GET with "Upgrade: h2c" as a plain request, guards included', async () => {
    const upgrade = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' };
    expect(await ask(monolith.port, '/hello', { 'x-key': 'k', ...upgrade })).toEqual({ status: 200, body: 'hello' });
    expect((await ask(monolith.port, '/hello', upgrade)).status).toBe(403);
    expect((await ask(monolith.port, '/none', { 'x-key': 'k', ...upgrade })).status).toBe(404);
  });

  it('serves a POST with "Upgrade" and a body as a plain request, the body included', async () => {
    const headers = { 'x-key': 'k', connection: 'Upgrade', upgrade: 'h2c', 'content-type': 'application/json' };
    const text = 'long '.repeat(15_000);
    expect(await ask(monolith.port, '/shout', headers, JSON.stringify({ text }))).toEqual({
      status: 200,
      body: text.toUpperCase(),
    });
    const chunked = { ...headers, 'transfer-encoding': 'chunked' };
    expect(await ask(monolith.port, '/shout', chunked, '{"text":"chunks"}')).toEqual({ status: 200, body: 'CHUNKS' });
  });

  it('serves the next request on the same socket after one with "Upgrade: h2c"', async () => {
    const socket = connect(monolith.port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    const get = (more: string): string => `GET /hello HTTP/1.1\r\nHost: h\r\nX-Key: k\r\n${more}\r\n`;
    socket.write(get('Connection: Upgrade\r\nUpgrade: h2c\r\n') + get(''));
    await until('both answers came', () => received.match(/\r\n\r\nhello/g)?.length === 2);
    socket.destroy();
  });

  it('answers 404 to a WebSocket that no listener takes, 5 s after it came, on a used socket too', async () => {
    const socket = connect(monolith.port, '127.0.0.1');
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    socket.write('GET /hello HTTP/1.1\r\nHost: h\r\nX-Key: k\r\n\r\n');
    await until('the first answer came', () => received.endsWith('hello'));
    received = '';
    const waiting = clock.pending;
    socket.write('GET /nobody HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await until('the upgrade was seen', () => clock.pending > waiting);
    clock.advance(4_999);
    expect(received).toBe('');
    clock.advance(1);
    await until('the refusal came', () => received.startsWith('HTTP/1.1 404 '));
  });

  it('does not disturb what a foreign listener took when the 5 s are over', async () => {
    const waiting = clock.pending;
    const socket = await PlainSocket.open(`${monolith.ws}/graphql`);
    expect(clock.pending).toBeGreaterThan(waiting);
    clock.advance(5_000);
    socket.send('still');
    expect(await socket.next()).toBe('/graphql still');
    socket.terminate();
  });
});

describe('RealtimeWsAdapter on an HTTPS server', () => {
  it('opens connections, and serves "Upgrade: h2c" as a plain request', async () => {
    const app = await NestFactory.create(
      {
        module: MonolithModule,
        imports: [RealtimeModule.forRoot({ auth: { allowAnonymous: true } })],
        controllers: [HelloController],
        providers: [ChatGateway],
      },
      { logger: false, abortOnError: false, httpsOptions: { key: TEST_KEY, cert: TEST_CERTIFICATE } },
    );
    app.useWebSocketAdapter(new RealtimeWsAdapter(app));
    await app.listen(0, '127.0.0.1');
    const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
    const socket = new WebSocket(`wss://127.0.0.1:${port}/ws/chat/a`, { ca: TEST_CERTIFICATE });
    const first = new Promise<string>((resolve) => socket.once('message', (data: Buffer) => resolve(data.toString())));
    expect(JSON.parse(await within('the first frame', first))).toMatchObject({ type: 'welcome' });
    socket.terminate();
    const headers = { connection: 'Upgrade', upgrade: 'h2c' };
    const asked = requestByTls({ port, host: '127.0.0.1', path: '/hello', ca: TEST_CERTIFICATE, headers });
    const status = new Promise((resolve, reject) => {
      asked.on('response', (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asked.on('error', reject);
    });
    asked.end();
    expect(await within('the answer', status)).toBe(200);
    await app.close();
  });
});

describe('foreign listeners beside RealtimeWsAdapter', () => {
  let monolith: Monolith | undefined;

  afterEach(() => monolith?.app.close());

  it('answers 404 at once where there is no foreign listener', async () => {
    monolith = await startMonolith(true, [ChatGateway, PlainGateway], false);
    for (const path of ['/nobody', '/plain2', '/ws', '/ws/chat/a/b', '/', '//plain']) {
      const refusal = await TestClient.refusal(`${monolith.ws}${path}`);
      expect([path, refusal.status]).toEqual([path, 404]);
      expect(JSON.parse(refusal.body)).toMatchObject({ code: 'not_found' });
    }
  });

  it('outlives a reset while a foreign listener may still answer', async () => {
    monolith = await startMonolith(true, [ChatGateway], false);
    const server = monolith.app.getHttpServer() as Server;
    const ignored = new Promise<void>((resolve) => server.on('upgrade', () => resolve()));
    const socket = connect(monolith.port, '127.0.0.1');
    socket.on('error', () => undefined); // It is reset by ourselves.
    socket.write('GET /nobody HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await within('the foreign listener', ignored);
    const gone = new Promise<void>((resolve) => server.once('rookery-test', resolve));
    socket.resetAndDestroy();
    setImmediate(() => setImmediate(() => server.emit('rookery-test')));
    await within('a turn of the loop', gone);
    await (await TestClient.connect(`${monolith.ws}/ws/chat/a`)).next('joined');
  });

  it('never shows them an upgrade that is ours: one that answers 400 to all others does no harm', async () => {
    monolith = await startMonolith(true, [ChatGateway], false);
    const seen: string[] = [];
    const server = monolith.app.getHttpServer() as Server;
    const other = new WebSocketServer({ server, path: '/other' });
    server.on('upgrade', (incoming: IncomingMessage) => seen.push(incoming.url ?? ''));
    const client = await TestClient.connect(`${monolith.ws}/ws/chat/a`);
    await client.next('joined');
    expect((await TestClient.refusal(`${monolith.ws}/nobody`)).status).toBe(400);
    expect(seen).toEqual(['/nobody']);
    client.destroy();
    other.close();
  });

  it('calls a listener that was added with once() once', async () => {
    monolith = await startMonolith(true, [ChatGateway], false);
    let calls = 0;
    (monolith.app.getHttpServer() as Server).once('upgrade', (_request: IncomingMessage, socket: Duplex) => {
      calls += 1;
      socket.end('HTTP/1.1 418 x\r\nContent-Length: 0\r\n\r\n');
    });
    expect((await TestClient.refusal(`${monolith.ws}/once`)).status).toBe(418);
    expect((await TestClient.refusal(`${monolith.ws}/once`)).status).toBe(404);
    expect(calls).toBe(1);
  });

  it('leaves the server as it was after close: its own emit, no listener of ours', async () => {
    monolith = await startMonolith(true, [ChatGateway, PlainGateway], false);
    const server = monolith.app.getHttpServer() as Server;
    await monolith.app.close();
    expect(Object.hasOwn(server, 'emit')).toBe(false);
    // Nest 11's own adapter leaves its listener behind.
    expect(server.listenerCount('upgrade')).toBe(nestMajor >= 12 ? 0 : 1);
    monolith = undefined;
  });
});
