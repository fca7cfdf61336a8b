import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { HttpException, UseGuards, ValidationPipe } from '@nestjs/common';
import type { CanActivate, Type } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import type { OnGatewayInit } from '@nestjs/websockets';
import { from, of } from 'rxjs';
import {
  CurrentConnection,
  CurrentIdentity,
  CurrentRoom,
  GatewayServer,
  HandshakeGuards,
  JwtHandshakeGuard,
  RealtimeGateway,
} from '../../src/index.js';
import type { Connection, Identity, RealtimeOptions, Room } from '../../src/index.js';
import { ManualClock, startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestServer } from '../../src/testing/index.js';
import { CapturedLogger } from '../support/captured-logger.js';
import { mint } from '../support/tokens.js';
import { until } from '../support/within.js';

jest.setTimeout(20_000);

const SECRET = 'a secret of the tests, long enough for HS256';

const noGuard: CanActivate = { canActivate: () => false };
let answers: Record<string, () => unknown> = {};

@RealtimeGateway('/ws/text{/:room}', { codec: 'text' })
class TextGateway {
  @SubscribeMessage('message')
  async message(@MessageBody() text: string, @CurrentConnection() connection: Connection): Promise<unknown> {
    const answer = answers[text];
    if (answer) return answer();
    if (text === 'send') {
      connection.send('one');
      connection.send({ two: 2 });
      return 'three';
    }
    return `Echo: ${text}`;
  }
}

@RealtimeGateway('/ws/shout/:room', { codec: 'text' })
class ShoutGateway {
  @SubscribeMessage('message')
  async message(
    @MessageBody() text: string,
    @CurrentRoom() room: Room,
    @CurrentIdentity() who: Identity,
  ): Promise<void> {
    await room.publish('message', `${who.name}: ${text}`);
  }
}

@UseGuards(noGuard)
@RealtimeGateway('/ws/guarded-text', { codec: 'text' })
class GuardedTextGateway {
  @SubscribeMessage('message')
  message(): string {
    return 'never';
  }
}

@RealtimeGateway('/ws/secure', { codec: 'text' })
@HandshakeGuards(JwtHandshakeGuard)
class SecureGateway {
  @SubscribeMessage('message')
  message(@MessageBody() text: string, @CurrentIdentity() who: Identity): string {
    return `Hello ${who.name}: ${text}`;
  }
}

/** A gateway without a handler for messages. */
@RealtimeGateway('/ws/deaf', { codec: 'text' })
class DeafGateway {}

let server: TestServer;
const logger = new CapturedLogger();
let clients: TestClient[] = [];

afterEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  answers = {};
  logger.lines.length = 0;
  await server.close();
});

async function start(gateways: Type[], options: RealtimeOptions = {}): Promise<void> {
  server = await startTestServer({
    gateways,
    options: { auth: { allowAnonymous: true, jwt: { secret: SECRET } }, ...options },
    logger,
  });
}

async function connect(
  path: string,
  options: Parameters<typeof TestClient.connect>[1] = {},
  url = server.url,
): Promise<TestClient> {
  const client = await TestClient.connect(`${url}${path}`, options);
  clients.push(client);
  return client;
}

describe('a gateway with codec text', () => {
  it('sends nothing of its own: the first text is the answer to the first message', async () => {
    await start([TextGateway], { heartbeatMs: 100 });
    const client = await connect('/ws/text/a');
    client.sendText('x');
    expect(await client.nextText()).toBe('Echo: x');
    client.sendText('{"type":"ping","id":"1"}');
    expect(await client.nextText()).toBe('Echo: {"type":"ping","id":"1"}');
    client.sendText('');
    expect(await client.nextText()).toBe('Echo: ');
  });

  it('is pinged by WebSocket pings alone, and closed when it stays silent', async () => {
    await start([TextGateway], { heartbeatMs: 100 });
    let pings = 0;
    const client = await connect('/ws/text');
    client.ws.on('ping', () => (pings += 1));
    await until('two pings came', () => pings >= 2);
    expect(client.isOpen).toBe(true);
    const silent = await connect('/ws/text', { autoPong: false });
    expect(await silent.closed()).toEqual({ code: 4000, reason: 'heartbeat_timeout' });
  });

  it('sends what the handler returns: texts as they are, other values as JSON, nothing for undefined', async () => {
    answers = {
      object: () => ({ a: 1 }),
      number: () => 7,
      observable: () => of('seen'),
      many: () => from(['first', 'last']),
      nothing: () => undefined,
      null: () => null,
    };
    await start([TextGateway]);
    const client = await connect('/ws/text');
    for (const text of ['object', 'number', 'observable', 'many', 'nothing', 'done']) client.sendText(text);
    expect([
      await client.nextText(),
      await client.nextText(),
      await client.nextText(),
      await client.nextText(),
    ]).toEqual(['{"a":1}', '7', 'seen', 'last']);
    expect(await client.nextText()).toBe('Echo: done');
  });

  it('may send by connection.send, before its answer', async () => {
    await start([TextGateway]);
    const client = await connect('/ws/text');
    client.sendText('send');
    expect([await client.nextText(), await client.nextText(), await client.nextText()]).toEqual([
      'one',
      '{"two":2}',
      'three',
    ]);
  });

  it('answers in the order of the messages, though the first takes longer', async () => {
    let open: () => void = () => undefined;
    const held = new Promise<string>((resolve) => (open = () => resolve('slow')));
    answers = { slow: () => held };
    await start([TextGateway]);
    const client = await connect('/ws/text');
    const other = await connect('/ws/text');
    client.sendText('slow');
    client.sendText('quick');
    other.sendText('x');
    expect(await other.nextText()).toBe('Echo: x');
    open();
    expect([await client.nextText(), await client.nextText()]).toEqual(['slow', 'Echo: quick']);
  });

  it.each<[string, () => unknown, number]>([
    [
      'HttpException 400',
      () => {
        throw new HttpException('the secret', 400);
      },
      1007,
    ],
    [
      'HttpException 401',
      () => {
        throw new HttpException('the secret', 401);
      },
      1008,
    ],
    [
      'HttpException 403',
      () => {
        throw new HttpException('the secret', 403);
      },
      1008,
    ],
    [
      'HttpException 404',
      () => {
        throw new HttpException('the secret', 404);
      },
      1011,
    ],
    [
      'HttpException 500',
      () => {
        throw new HttpException('the secret', 500);
      },
      1011,
    ],
    [
      'HttpException 503',
      () => {
        throw new HttpException('the secret', 503);
      },
      1013,
    ],
    [
      'an Error',
      () => {
        throw new Error('the secret');
      },
      1011,
    ],
    ['a rejection', () => Promise.reject(new Error('the secret')), 1011],
    ['what can not be JSON', () => ({ n: 1n }), 1011],
  ])('closes with a code after %s, tells nothing of it, and the process goes on', async (_what, fails, code) => {
    answers = { fail: fails };
    await start([TextGateway]);
    const client = await connect('/ws/text');
    client.sendText('fail');
    const closed = await client.closed();
    expect(closed.code).toBe(code);
    expect(closed.reason).not.toMatch(/secret/);
    expect(client.received).toEqual([]);
    const other = await connect('/ws/text');
    other.sendText('x');
    expect(await other.nextText()).toBe('Echo: x');
  });

  it('closes with 1008 where a guard of the frame says no', async () => {
    await start([GuardedTextGateway]);
    const client = await connect('/ws/guarded-text');
    client.sendText('x');
    expect((await client.closed()).code).toBe(1008);
  });

  it('closes with 1003 after a binary message, and with 1009 after one that is too large', async () => {
    await start([TextGateway], { maxFrameBytes: 100 });
    const binary = await connect('/ws/text');
    binary.sendBinary(Buffer.from('x'));
    expect((await binary.closed()).code).toBe(1003);
    const large = await connect('/ws/text');
    large.sendText('x'.repeat(101));
    expect(await large.closed()).toEqual({ code: 1009, reason: 'too_big' });
    const fits = await connect('/ws/text');
    fits.sendText('x'.repeat(100));
    expect(await fits.nextText()).toBe(`Echo: ${'x'.repeat(100)}`);
  });

  it('reads on after more messages than its rate, and loses none', async () => {
    await start([TextGateway], { messagesPerSecond: 200, messagesBurst: 5 });
    const client = await connect('/ws/text');
    for (let i = 0; i < 40; i += 1) client.sendText(String(i));
    for (let i = 0; i < 40; i += 1) expect(await client.nextText()).toBe(`Echo: ${i}`);
  });

  it('reads on when its time has passed, though the clock was set back meanwhile', async () => {
    const clock = new ManualClock();
    await start([TextGateway], { clock, messagesPerSecond: 200, messagesBurst: 5 });
    const client = await connect('/ws/text');
    for (let i = 0; i < 40; i += 1) client.sendText(String(i));
    const [connection] = server.registry.connections();
    await until('it is read no more', () => connection!.paused);
    clock.jump(-3_600_000);
    clock.advance(1_000);
    await until('it is read again', () => !connection!.paused);
    for (let i = 0; i < 40; i += 1) expect(await client.nextText()).toBe(`Echo: ${i}`);
  });

  it('passes messages of its rooms to the members as they are, and to no other room', async () => {
    await start([ShoutGateway]);
    const [one, two, other] = [
      await connect('/ws/shout/a?name=Ada'),
      await connect('/ws/shout/a?name=Bob'),
      await connect('/ws/shout/b?name=Eve'),
    ];
    await until(
      'all three are in',
      () => server.registry.rooms().reduce((sum, room) => sum + room.connections, 0) === 3,
    );
    one?.sendText('hi');
    expect(await one?.nextText()).toBe('Ada: hi');
    expect(await two?.nextText()).toBe('Ada: hi');
    other?.sendText('alone');
    expect(await other?.nextText()).toBe('Eve: alone');
    await server.realtime.to('shout/a').publish('message', 'from the server');
    expect(await two?.nextText()).toBe('from the server');
    await server.realtime.namespace('shout').publish('message', 'to all');
    for (const client of [one, two, other]) expect(await client?.nextText()).toBeDefined();
  });

  it('says the code of a kick', async () => {
    await start([SecureGateway, ShoutGateway]);
    const client = await connect('/ws/shout/a');
    await until('it is in', () => server.registry.members('shout/a').length === 1);
    const id = server.registry.members('shout/a')[0]?.identity.id ?? '';
    await server.realtime.to('shout/a').kick(id);
    expect(await client.closed()).toEqual({ code: 4501, reason: 'kicked' });
    expect(client.received).toEqual([]);
  });

  it('has guards at the handshake', async () => {
    await start([SecureGateway]);
    const client = await connect('/ws/secure', { token: mint(SECRET, { sub: 'u1', name: 'Ada' }) });
    client.sendText('x');
    expect(await client.nextText()).toBe('Hello Ada: x');
    expect((await TestClient.refusal(`${server.url}/ws/secure`, { token: 'no' })).status).toBe(401);
  });

  it('without a handler swallows what comes', async () => {
    await start([DeafGateway]);
    const client = await connect('/ws/deaf');
    client.sendText('x');
    await client.close();
    expect(client.received).toEqual([]);
  });

  it('does not mix with a ValidationPipe for the whole application', async () => {
    server = await startTestServer({
      gateways: [TextGateway],
      configure: (app) => void app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true })),
    });
    const client = await connect('/ws/text');
    client.sendText('{"a":1}');
    expect(await client.nextText()).toBe('Echo: {"a":1}');
  });
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

describe('a port of its own', () => {
  function at(port: number, path: string, answer: string): Type {
    class OwnPortGateway {
      @SubscribeMessage('message')
      message(): string {
        return answer;
      }
    }
    RealtimeGateway(path, { codec: 'text', port })(OwnPortGateway);
    return OwnPortGateway;
  }

  function plainAt(port: number, path: string): Type {
    class OwnPortPlainGateway {
      @SubscribeMessage('ask')
      ask(): { event: string; data: string } {
        return { event: 'answer', data: path };
      }
    }
    WebSocketGateway(port, { path })(OwnPortPlainGateway);
    return OwnPortPlainGateway;
  }

  async function say(url: string): Promise<string> {
    const client = await connect('', {}, url);
    client.sendText('{"event":"ask"}');
    return client.nextText();
  }

  it.each(['ours first', 'plain first'])('is shared by two gateways and a plain one, %s', async (order) => {
    const port = await freePort();
    const gateways = [
      at(port, '/own/a', 'a'),
      at(port, '/own/b', 'b'),
      plainAt(port, '/own/plain'),
      plainAt(port, '/own/other'),
    ];
    await start(order === 'ours first' ? gateways : gateways.reverse());
    const url = `ws://127.0.0.1:${port}`;
    expect(await say(`${url}/own/a`)).toBe('a');
    expect(await say(`${url}/own/b`)).toBe('b');
    expect(JSON.parse(await say(`${url}/own/plain`))).toEqual({ event: 'answer', data: '/own/plain' });
    expect(JSON.parse(await say(`${url}/own/other`))).toEqual({ event: 'answer', data: '/own/other' });
    expect((await TestClient.refusal(`${url}/own/nobody`)).status).toBe(404);
    expect((await TestClient.refusal(`${server.url}/own/a`)).status).toBe(404);
    for (const client of clients) client.destroy();
    await server.close();
    await expect(connect('/own/a', {}, url)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('may have the path of a gateway on the port of the application', async () => {
    const port = await freePort();
    const here = at(0, '/own/a', 'here');
    const there = class extends at(port, '/own/x', 'there') {};
    RealtimeGateway('/own/a', { codec: 'text', port, namespace: 'there' })(there);
    await start([here, there]);
    expect(await say(`${server.url}/own/a`)).toBe('here');
    expect(await say(`ws://127.0.0.1:${port}/own/a`)).toBe('there');
  });
});

describe('@WebSocketServer() and afterInit', () => {
  it('give the connections of the gateway on this pod', async () => {
    let initialised: unknown;
    @RealtimeGateway('/ws/with-server', { codec: 'text' })
    class WithServerGateway implements OnGatewayInit {
      @WebSocketServer()
      readonly server!: GatewayServer;

      afterInit(given: unknown): void {
        initialised = given;
      }
    }
    await start([WithServerGateway, TextGateway]);
    expect(initialised).toBeInstanceOf(GatewayServer);
    const held = server.app.get(WithServerGateway);
    expect(held.server).toBe(initialised);
    expect(held.server.connections()).toEqual([]);
    await connect('/ws/with-server');
    await connect('/ws/text');
    await until('one is there', () => held.server.connections().length === 1);
    held.server.connections()[0]?.send('by the server');
    expect(await clients[0]?.nextText()).toBe('by the server');
  });
});
