import { connect } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import {
  CurrentRoom,
  HandshakeGuards,
  JwtHandshakeGuard,
  RealtimeGateway,
  RealtimeModule,
  RealtimeWsAdapter,
} from '../../src/index.js';
import type { Identity, OnJoin, Room } from '../../src/index.js';
import { startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestServer, TestServerOptions } from '../../src/testing/index.js';
import { mint } from '../support/tokens.js';
import { within } from '../support/within.js';

jest.setTimeout(20_000);

const SECRET = 'a secret of the tests, long enough for HS256';

let server: TestServer | undefined;
let app: INestApplication | undefined;

afterEach(async () => {
  await server?.close();
  await app?.close();
  server = undefined;
  app = undefined;
});

async function start(gateways: Type[], more: TestServerOptions = {}): Promise<TestServer> {
  server = await startTestServer({ gateways, options: { auth: { allowAnonymous: true } }, ...more });
  return server;
}

/** Names the gateway and the room of a path, as its client hears it. */
async function roomOf(path: string): Promise<string> {
  const client = await TestClient.connect(`${server?.url}${path}`);
  const answer = await client.request<{ data?: string; code: string }>({ type: 'where' });
  client.destroy();
  return answer.data ?? answer.code;
}

function gatewayAt(path: string, options: Parameters<typeof RealtimeGateway>[1] = {}, name = 'Some'): Type {
  class SomeGateway {
    @SubscribeMessage('where')
    where(@CurrentRoom() room: Room): string {
      return room.address;
    }
  }
  Object.defineProperty(SomeGateway, 'name', { value: `${name}Gateway` });
  RealtimeGateway(path, options)(SomeGateway);
  return SomeGateway;
}

interface RawAnswer {
  readonly status: number;
  readonly body: string;
}

/** Asks with a request target as it is: nothing is normalised on the way. */
function askRaw(target: string): Promise<RawAnswer> {
  const socket = connect(server?.port ?? 0, '127.0.0.1');
  const answered = new Promise<RawAnswer>((resolve, reject) => {
    let received = '';
    const judge = (): void => {
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 0);
      resolve({ status, body: received.split('\r\n\r\n').slice(1).join('') });
      socket.destroy();
    };
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (received.startsWith('HTTP/1.1 101')) judge();
    });
    socket.on('end', judge);
    socket.on('error', reject);
  });
  socket.write(
    `GET ${target} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n',
    'latin1',
  );
  return within(`the answer to ${target}`, answered);
}

describe('what refuses to start', () => {
  const refuses = async (gateways: Type[], ...says: RegExp[]): Promise<void> => {
    const started = start(gateways);
    for (const words of says) await expect(started).rejects.toThrow(words);
    await expect(started).rejects.toMatchObject({ code: 'bad_config' });
  };

  it('a path with another parameter than :room and no room function: names class, parameter and remedy', () =>
    refuses(
      [gatewayAt('/ws/:tenant/chat/:room', {}, 'Tenant')],
      /TenantGateway/,
      /"tenant"/,
      /room: \(params, identity\) => string/,
    ));

  it('a wildcard without a room function', () => refuses([gatewayAt('/ws/files/*rest')], /"rest"/));

  it('an optional parameter without a room function', () => refuses([gatewayAt('/ws/chat{/:tenant}')], /"tenant"/));

  it('two gateways with one namespace, by their paths', () =>
    refuses(
      [gatewayAt('/ws/chat/:room', {}, 'A'), gatewayAt('/chat/:room', {}, 'B')],
      /AGateway/,
      /BGateway/,
      /"chat"/,
    ));

  it('two gateways with one namespace, by the option', () =>
    refuses([gatewayAt('/ws/a', { namespace: 'x' }), gatewayAt('/ws/b', { namespace: 'x' })], /"x"/, /namespace/));

  it.each([
    ['/ws/chat/:room', '/ws/chat/:room'],
    ['/ws/chat/:room', '/WS/Chat/:room/'],
    ['/ws/chat{/:room}', '/ws/chat'],
    ['/ws/chat{/:room}', '/ws{/chat}'],
    ['/ws/a-:room', '/ws/:room-b'],
    ['/ws/:room/x', '/ws/:room{/x}'],
  ])("%s beside %s, because a path would be anybody's guess", async (one, other) => {
    const room = (params: Readonly<Record<string, string>>): string => String(params['room']);
    const gateways = [
      gatewayAt(one, { namespace: 'one', room }, 'One'),
      gatewayAt(other, { namespace: 'other', room }, 'Other'),
    ];
    await expect(start(gateways)).rejects.toThrow(/OneGateway|OtherGateway/);
  });

  it.each([
    ['/ws/:room', '/ws/*room'],
    ['/ws/a-:room', '/ws/b-:room'],
    ['/ws/:room-a', '/ws/:room-b'],
    ['/ws/:room/a', '/ws/b/:room'],
    ['/ws/*room/a', '/ws/*room/b'],
  ])('but not %s beside %s: one of them is meant', async (one, other) => {
    const room = (params: Readonly<Record<string, string>>): string => String(params['room']);
    const gateways = [gatewayAt(one, { namespace: 'one', room }), gatewayAt(other, { namespace: 'other', room })];
    await expect(start(gateways)).resolves.toBeDefined();
  });

  it('the same gateway in two modules', async () => {
    const gateway = gatewayAt('/ws/chat/:room', {}, 'Chat');
    @Module({ providers: [gateway] })
    class One {}
    @Module({ providers: [gateway] })
    class Two {}
    await expect(start([], { imports: [One, Two] })).rejects.toThrow(/ChatGateway.*another module/);
  });

  it.each(['join', 'ping', 'ack', 'welcome', 'history', 'auth', 'system'])('a handler named "%s"', async (type) => {
    class ReservedGateway {
      handle(): void {
        // Never runs.
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(ReservedGateway.prototype, 'handle')!;
    SubscribeMessage(type)(ReservedGateway.prototype, 'handle', descriptor);
    RealtimeGateway('/ws/reserved')(ReservedGateway);
    await refuses([ReservedGateway], /ReservedGateway\.handle/, new RegExp(`"${type}"`));
  });

  it('a namespace that no room address could have', () =>
    refuses([gatewayAt('/ws/chat', { namespace: 'a/b' })], /"a\/b"/, /namespace/));

  it('a path without a static segment, unless it is given a namespace', async () => {
    await refuses([gatewayAt('/:room')], /namespace/);
    await start([gatewayAt('/:room', { namespace: 'all' })]);
    expect(await roomOf('/x')).toBe('all/x');
  });

  it('a path that cannot be read', () => refuses([gatewayAt('/ws/:')], /SomeGateway/, /\/ws\/:/));

  it('userRoom on a text gateway', () => refuses([gatewayAt('/ws/t', { codec: 'text', userRoom: true })], /userRoom/));
});

describe('an application that lacks a part', () => {
  const gateway = gatewayAt('/ws/secure', {}, 'Secure');

  @Module({})
  class Root {}

  const build = (meta: ModuleMetadata): Promise<INestApplication> =>
    NestFactory.create({ module: Root, ...meta }, { logger: false, abortOnError: false });

  const listen = async (adapter?: (built: INestApplication) => WsAdapter): Promise<void> => {
    app = await build({ imports: [RealtimeModule.forRoot({})], providers: [gateway] });
    if (adapter) app.useWebSocketAdapter(adapter(app));
    await app.listen(0, '127.0.0.1');
  };

  it('refuses to start under the stock adapter: it would serve the gateway without its guards', async () => {
    await expect(listen((built) => new WsAdapter(built))).rejects.toThrow(
      /SecureGateway.*useWebSocketAdapter\(new RealtimeWsAdapter\(app\)\)/,
    );
  });

  it('refuses to start under no adapter', async () => {
    // Nest itself looks for socket.io then, says that it is missing, and ends the process.
    const exit = jest.spyOn(process, 'exit').mockImplementation(() => {
      throw new Error('exit');
    });
    await expect(listen()).rejects.toThrow();
    exit.mockRestore();
  });

  it('refuses to start without RealtimeModule under the stock adapter', async () => {
    app = await build({ providers: [gateway] });
    app.useWebSocketAdapter(new WsAdapter(app));
    await expect(app.listen(0, '127.0.0.1')).rejects.toThrow(/SecureGateway.*RealtimeWsAdapter/);
  });

  it('says that RealtimeModule is missing when the adapter is made', async () => {
    app = await build({ providers: [gateway] });
    expect(() => new RealtimeWsAdapter(app!)).toThrow(/RealtimeModule\.forRoot/);
  });

  it('refuses to start when RealtimeModule is imported twice', async () => {
    @Module({ imports: [RealtimeModule.forRoot({ heartbeatMs: 1_000 })] })
    class Feature {}
    app = await build({ imports: [RealtimeModule.forRoot({}), Feature], providers: [gateway] });
    app.useWebSocketAdapter(new RealtimeWsAdapter(app));
    await expect(app.listen(0, '127.0.0.1')).rejects.toThrow(/more than once/);
  });

  it('refuses to start when RealtimeModule is imported twice with the same options', async () => {
    @Module({ imports: [RealtimeModule.forRoot({})] })
    class Feature {}
    app = await build({ imports: [RealtimeModule.forRoot({}), Feature] });
    app.useWebSocketAdapter(new RealtimeWsAdapter(app));
    await app.listen(0, '127.0.0.1').then(
      // One and the same dynamic module is one module for Nest: then nothing is there twice.
      () => expect(app?.get(RealtimeModule)).toBeDefined(),
      (error: Error) => expect(error.message).toMatch(/more than once/),
    );
  });

  it('starts with the module and no gateway at all', async () => {
    app = await build({ imports: [RealtimeModule.forRoot({})] });
    app.useWebSocketAdapter(new RealtimeWsAdapter(app));
    await app.listen(0, '127.0.0.1');
  });
});

describe('tenants', () => {
  it('can not be reached by a join frame, unless a policy of the application says who may join what', async () => {
    await start([tenants], { options: { auth: { allowAnonymous: true } } });
    const client = await TestClient.connect(`${server?.url}/ws/acme/chat/plan`);
    await client.next('joined');
    expect(await client.request({ type: 'join', room: 'umbrella.plan' })).toMatchObject({ code: 'forbidden' });
    client.destroy();
  });

  const tenants = gatewayAt('/ws/:tenant/chat/:room', { room: ({ tenant, room }) => `${tenant}.${room}` }, 'Tenant');

  it('do not share rooms: a message of one is not seen by the other', async () => {
    class TenantGateway {
      @SubscribeMessage('message')
      say(@CurrentRoom() room: Room): Promise<unknown> {
        return room.publish('message', { text: room.address });
      }
    }
    RealtimeGateway('/ws/:tenant/chat/:room', { room: ({ tenant, room }) => `${tenant}.${room}` })(TenantGateway);
    await start([TenantGateway]);
    const acme = await TestClient.connect(`${server?.url}/ws/acme/chat/general`);
    const evil = await TestClient.connect(`${server?.url}/ws/evil/chat/general`);
    expect(await acme.next('joined')).toMatchObject({ room: 'acme.general', members: 1 });
    expect(await evil.next('joined')).toMatchObject({ room: 'evil.general', members: 1 });
    await acme.request({ text: 'x' });
    await acme.next('message');
    await evil.expectNone('message');
  });

  it('can not join the room of another tenant by a frame', async () => {
    await start([tenants]);
    const evil = await TestClient.connect(`${server?.url}/ws/evil/chat/general`);
    await evil.next('joined');
    expect(await evil.request({ type: 'join', room: 'acme.general' })).toMatchObject({
      type: 'error',
      code: 'forbidden',
    });
    expect(await evil.request({ type: 'where', room: 'acme.general' })).toMatchObject({
      type: 'error',
      code: 'not_in_room',
    });
    expect(await evil.request({ type: 'history', room: 'acme.general' })).toMatchObject({ code: 'not_in_room' });
    expect(await evil.request({ type: 'presence', room: 'acme.general' })).toMatchObject({ code: 'not_in_room' });
    expect(server?.registry.members('chat/acme.general')).toEqual([]);
  });

  it('get the parameters decoded, and the identity', async () => {
    const seen: unknown[] = [];
    const room = (params: Readonly<Record<string, string>>, identity: Identity): string => {
      seen.push(params, identity.id);
      return 'r';
    };
    const named = gatewayAt('/ws/t/:tenant', { room });
    HandshakeGuards(JwtHandshakeGuard)(named);
    await start([named], { options: { auth: { jwt: { secret: SECRET } } } });
    const client = await TestClient.connect(`${server?.url}/ws/t/a%20b`, { token: mint(SECRET, { sub: 'u1' }) });
    await client.next('joined');
    expect(seen).toEqual([{ tenant: 'a b' }, 'u1']);
  });

  it.each([
    ['/ws/a%2Fb/chat/general', 400],
    ['/ws/a/chat/%40me', 101],
    ['/ws/a/chat/b%2Fc', 400],
    ['/ws/%40/chat/x', 400],
    ['/ws/%C3/chat/x', 400],
    ['/ws//chat/x', 404],
    ['/ws/a.b/chat/c', 101],
  ])('a room that is none refuses: %s is %i', async (target, status) => {
    await start([tenants]);
    expect((await askRaw(target)).status).toBe(status);
  });

  it('a room function that gives no room lets in without one; one that throws or gives nonsense refuses', async () => {
    const answers: Record<string, () => unknown> = {
      none: () => undefined,
      throws: () => {
        throw new Error('no such tenant');
      },
      number: () => 7,
      promise: () => Promise.resolve('x'),
      me: () => '@me',
    };
    const room = ({ tenant = '' }: Readonly<Record<string, string>>): string => answers[tenant]?.() as string;
    await start([gatewayAt('/ws/t/:tenant', { room })]);
    expect(await roomOf('/ws/t/none')).toBe('not_in_room');
    for (const [tenant, status] of [
      ['throws', 500],
      ['number', 400],
      ['promise', 400],
      ['me', 400],
    ] as const) {
      expect([tenant, (await askRaw(`/ws/t/${tenant}`)).status]).toEqual([tenant, status]);
    }
  });
});

describe('which gateway a path finds', () => {
  const fixed = gatewayAt('/ws/chat/lobby', { namespace: 'lobby', room: () => 'fixed' }, 'Fixed');
  const param = gatewayAt('/ws/chat/:room', { namespace: 'param' }, 'Param');
  const partly = gatewayAt('/ws/chat/x-:room', { namespace: 'partly' }, 'Partly');
  const rest = gatewayAt(
    '/ws/*rest',
    { namespace: 'rest', room: ({ rest: all }) => String(all).replaceAll('/', '.') },
    'Rest',
  );

  it.each([
    ['in one order', [fixed, param, partly, rest]],
    ['in the other', [rest, partly, param, fixed]],
  ])('static beats parameter beats rest, registered %s', async (_order, gateways) => {
    await start(gateways);
    expect(await roomOf('/ws/chat/lobby')).toBe('lobby/fixed');
    expect(await roomOf('/WS/Chat/LOBBY/')).toBe('lobby/fixed');
    expect(await roomOf('/ws/chat/general')).toBe('param/general');
    expect(await roomOf('/ws/chat/x-1')).toBe('partly/1');
    expect(await roomOf('/ws/a/b/c')).toBe('rest/a.b.c');
  });

  it('a plain gateway beside a parameter keeps its path only if no pattern of ours has it', async () => {
    @WebSocketGateway({ path: '/plain' })
    class PlainGateway {
      @SubscribeMessage('where')
      where(): { event: string; data: string } {
        return { event: 'here', data: 'plain' };
      }
    }
    await start([param, PlainGateway]);
    const client = await TestClient.connect(`${server?.url}/plain`);
    client.sendText('{"event":"where"}');
    expect(JSON.parse(await client.nextText())).toEqual({ event: 'here', data: 'plain' });
  });

  it.each([
    ['/ws/chat/General', 'chat/General'],
    ['/WS/CHAT/General', 'chat/General'],
    ['/ws/chat/general/', 'chat/general'],
    ['/ws/chat/general?since=x&room=other', 'chat/general'],
    ['/ws/chat/general?', 'chat/general'],
    ['/ws/chat/a%7Eb', 'chat/a~b'],
    ['/ws/chat/%61bc', 'chat/abc'],
    ['/ws/chat/a+b', 'chat/a+b'],
    ['/ws/chat/...', 'chat/...'],
    [`/ws/chat/${'x'.repeat(128)}`, `chat/${'x'.repeat(128)}`],
  ])('%s is the room %s', async (path, address) => {
    await start([gatewayAt('/ws/chat{/:room}')]);
    expect(await roomOf(path)).toBe(address);
  });

  it.each([
    ['/ws/chat/%', 400],
    ['/ws/chat/%zz', 400],
    ['/ws/chat/%C3%28', 400],
    ['/ws/chat/%00', 400],
    ['/ws/chat/a%20b', 400],
    ['/ws/chat/a%2Fb', 400],
    ['/ws/chat/a%5Cb', 400],
    ['/ws/chat/..', 400],
    ['/ws/chat/.', 400],
    ['/ws/chat/%2e%2e', 400],
    ['/ws/chat/@me', 400],
    ['/ws/chat/%40all', 400],
    [`/ws/chat/${'x'.repeat(129)}`, 400],
    ['/ws/chat/a/b', 404],
    ['/ws/chat/a//', 404],
    ['/ws//chat/a', 404],
    ['//ws/chat/a', 404],
    ['/ws/chat/../chat/a', 404],
    ['/ws%2Fchat/a', 404],
    ['/ws/chatter', 404],
    ['/', 404],
    ['*', 404],
  ])('%s is refused with %i, and the server goes on', async (target, status) => {
    await start([gatewayAt('/ws/chat{/:room}')]);
    const answer = await askRaw(target);
    expect(answer.status).toBe(status);
    expect((JSON.parse(answer.body) as { code: string }).code).toBe(status === 400 ? 'bad_room' : 'not_found');
    expect(await roomOf('/ws/chat/still')).toBe('chat/still');
  });

  it('the HTTP prefix and versioning do not apply', async () => {
    await start([gatewayAt('/ws/chat{/:room}')], { configure: (built) => void built.setGlobalPrefix('api') });
    expect(await roomOf('/ws/chat/a')).toBe('chat/a');
    expect((await askRaw('/api/ws/chat/a')).status).toBe(404);
  });

  it('a path without its leading slash is one', async () => {
    await start([gatewayAt('ws/chat/:room')]);
    expect(await roomOf('/ws/chat/a')).toBe('chat/a');
  });
});

describe('several gateways', () => {
  @Injectable()
  class Joins {
    readonly seen: string[] = [];
  }

  const noting = (path: string): Type => {
    class NotingGateway implements OnJoin {
      constructor(readonly joins: Joins) {}

      onJoin(room: Room): void {
        this.joins.seen.push(`${path} ${room.address}`);
      }
    }
    Reflect.defineMetadata('design:paramtypes', [Joins], NotingGateway);
    RealtimeGateway(path)(NotingGateway);
    return NotingGateway;
  };

  it('have rooms and hooks of their own, also where the rooms have one name', async () => {
    await start([noting('/ws/a/:room'), noting('/ws/b/:room')], { providers: [Joins] });
    const one = await TestClient.connect(`${server?.url}/ws/a/same`);
    await one.next('joined');
    const other = await TestClient.connect(`${server?.url}/ws/b/same`);
    expect(await other.next('joined')).toMatchObject({ members: 1 });
    expect(server?.app.get(Joins).seen).toEqual(['/ws/a/:room a/same', '/ws/b/:room b/same']);
    expect(server?.registry.rooms().map(({ address }) => address)).toEqual(['a/same', 'b/same']);
  });
});
