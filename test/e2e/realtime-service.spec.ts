import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Inject, Injectable, Module } from '@nestjs/common';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { SubscribeMessage } from '@nestjs/websockets';
import {
  CurrentRoom,
  HandshakeGuards,
  JwtHandshakeGuard,
  Realtime,
  RealtimeEvents,
  RealtimeGateway,
  RealtimeHealth,
  RealtimeModule,
  RoomPolicy,
  RoomRegistry,
} from '../../src/index.js';
import type { Identity, RealtimeOptions, Room } from '../../src/index.js';
import { MemoryBroker } from '../../src/realtime/broker/memory-broker.js';
import { MemoryStore } from '../../src/realtime/broker/memory-store.js';
import { FlakyBroker, ManualClock, startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestServer } from '../../src/testing/index.js';
import { mint } from '../support/tokens.js';
import { until } from '../support/within.js';

jest.setTimeout(20_000);

const SECRET = 'a secret of the tests, long enough for HS256';

@RealtimeGateway('/ws/svc{/:room}', { userRoom: true })
@HandshakeGuards(JwtHandshakeGuard)
class ServiceGateway {
  @SubscribeMessage('message')
  say(@CurrentRoom() room: Room): Promise<unknown> {
    return room.publish('message', { text: 'x' });
  }
}

@RealtimeGateway('/ws/other/:room')
@HandshakeGuards(JwtHandshakeGuard)
class OtherGateway {}

let server: TestServer;
let clients: TestClient[] = [];
const contexts: INestApplicationContext[] = [];

afterEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  for (const context of contexts.splice(0)) await context.close();
  await server.close();
});

async function start(
  options: RealtimeOptions = {},
  providers: NonNullable<Parameters<typeof startTestServer>[0]>['providers'] = [],
): Promise<void> {
  server = await startTestServer({
    gateways: [ServiceGateway, OtherGateway],
    providers,
    options: { leaveGraceMs: 0, ...options, auth: { jwt: { secret: SECRET }, ...options.auth } },
  });
}

async function connect(path: string, sub: string): Promise<TestClient> {
  const client = await TestClient.connect(`${server.url}${path}`, { token: mint(SECRET, { sub, name: sub }) });
  clients.push(client);
  await client.next('welcome');
  return client;
}

async function enter(sub: string, room = 'a'): Promise<TestClient> {
  const client = await connect(`/ws/svc/${room}`, sub);
  await client.next((frame) => frame.type === 'joined' && frame.room === room);
  return client;
}

const STORE = { historySize: 100, historyTtlMs: 0, dedupeTtlMs: 60_000 };

describe('Realtime from a process without a gateway', () => {
  it('publishes into rooms, to users and to namespaces of a server that shares its broker', async () => {
    const store = new MemoryStore(STORE);
    await start({ broker: new MemoryBroker({ store }) });

    @Injectable()
    class Worker {
      constructor(
        @Inject(Realtime) readonly realtime: Realtime,
        @Inject(RoomRegistry) readonly rooms: RoomRegistry,
        @Inject(RealtimeHealth) readonly health: RealtimeHealth,
      ) {}
    }
    @Module({ imports: [RealtimeModule.forRoot({ broker: new MemoryBroker({ store }) })], providers: [Worker] })
    class WorkerModule {}
    const context = await NestFactory.createApplicationContext(WorkerModule, { logger: false, abortOnError: false });
    contexts.push(context);
    const worker = context.get(Worker);

    const client = await enter('u1');
    const lobby = await connect('/ws/svc', 'u2');
    const other = await connect('/ws/other/a', 'u3');
    expect(await worker.realtime.to('svc/a').publish('news', { text: 'deployed' })).toMatchObject({
      offset: 1,
      duplicate: false,
    });
    expect(await client.next('news')).toMatchObject({ text: 'deployed', room: 'a', offset: 1 });
    await worker.realtime.user('u1').publish('notice', { n: 1 });
    expect(await client.next('notice')).toMatchObject({ room: '@me', n: 1, offset: 1 });
    await worker.realtime.namespace('svc').publish('banner', { n: 2 });
    expect(await client.next('banner')).toMatchObject({ n: 2 });
    const banner = await lobby.next('banner');
    expect(banner.offset).toBeUndefined();
    await other.expectNone('banner');
    await lobby.expectNone('notice');
    expect(await worker.realtime.to('svc/a').history()).toMatchObject({ frames: [{ type: 'news', text: 'deployed' }] });
    await worker.realtime.user('u1').disconnect();
    expect(await client.closed()).toEqual({ code: 4501, reason: 'kicked' });
    expect(await worker.health.check()).toEqual({ status: 'ok', broker: true });
    expect(worker.rooms.rooms()).toEqual([]);
  });

  it('starts and ends by itself', async () => {
    await start();
    @Module({ imports: [RealtimeModule.forRootAsync({ useFactory: () => Promise.resolve({}) })] })
    class AloneModule {}
    const context = await NestFactory.createApplicationContext(AloneModule, { logger: false, abortOnError: false });
    await context.get(Realtime).to('a/b').publish('x', {});
    await context.close();
  });
});

describe('addresses and payloads that can not be', () => {
  it.each([
    '',
    'svc',
    'svc/',
    '/a',
    'svc/a/b',
    'svc/@me',
    'svc/@all',
    'svc/..',
    'a b/c',
    'svc/a b',
    '@user/',
    '@user/a b',
    '@all/x',
    'svc/é',
    `svc/${'x'.repeat(129)}`,
  ])('to(%j) throws', async (address) => {
    await start();
    expect(() => server.realtime.to(address)).toThrow(/expected an address like/);
  });

  it.each(['', 'a/b', '@user', 'a b'])('namespace(%j) throws', async (name) => {
    await start();
    expect(() => server.realtime.namespace(name)).toThrow(/namespace/);
  });

  it.each<[string, Parameters<Room['publish']>]>([
    ['a reserved type', ['joined', {}]],
    ['an empty type', ['', {}]],
    ['a cycle', ['x', cycle()]],
    ['a BigInt', ['x', { n: 1n }]],
    ['except with a stored frame', ['x', {}, { except: 'c' }]],
    ['an empty id', ['x', {}, { id: '' }]],
    ['an id that is too long', ['x', {}, { id: 'x'.repeat(65) }]],
  ])('publish with %s rejects with bad_usage, and nothing was sent', async (_what, args) => {
    await start();
    const client = await enter('u1');
    const room = server.realtime.to('svc/a');
    await expect(room.publish(...args)).rejects.toMatchObject({ code: 'bad_usage' });
    expect(await room.publish('good', {})).toMatchObject({ offset: 1 });
    expect(await client.next('good')).toMatchObject({ offset: 1 });
  });

  it('reserved fields of a payload do not reach the wire', async () => {
    await start();
    const client = await enter('u1');
    const evil = JSON.parse(
      '{"type":"joined","room":"z","offset":99,"userId":"root","user":"root","timestamp":"no","id":"i","__proto__":{"a":1},"ok":1}',
    ) as object;
    await server.realtime.to('svc/a').publish('evil', evil);
    const frame = await client.next('evil');
    expect(frame).toMatchObject({ type: 'evil', room: 'a', offset: 1, ok: 1 });
    expect(frame.userId).toBeUndefined();
    expect(frame.user).toBeUndefined();
    expect(frame.timestamp).toMatch(/^\d{4}-/);
    expect(client.textOf(frame)).not.toContain('__proto__');
  });

  it.each<[unknown, unknown]>([
    ['text', 'text'],
    [7, 7],
    [
      [1, 2],
      [1, 2],
    ],
    [null, null],
    [undefined, undefined],
  ])('a payload that is no object travels as data: %j', async (payload, data) => {
    await start();
    const client = await enter('u1');
    await server.realtime.to('svc/a').publish('any', payload);
    expect((await client.next('any'))['data']).toEqual(data);
  });
});

function cycle(): object {
  const it: { self?: object } = {};
  it.self = it;
  return it;
}

describe('publish options of the server', () => {
  it('as names a user, id makes it idempotent, store: false leaves no trace, except leaves one out', async () => {
    await start();
    const one = await enter('u1');
    const two = await enter('u2');
    const room = server.realtime.to('svc/a');
    expect(await room.publish('x', { n: 1 }, { id: 'same', as: { id: 'bot', name: 'Bot' } })).toMatchObject({
      offset: 1,
      duplicate: false,
    });
    expect(await room.publish('x', { n: 2 }, { id: 'same' })).toMatchObject({ offset: 1, duplicate: true });
    expect(await one.next('x')).toMatchObject({ n: 1, id: 'same', user: 'Bot', userId: 'bot' });
    const id = server.registry.members('svc/a').find(({ identity }) => identity.id === 'u1')?.id ?? '';
    await room.publish('typing', {}, { store: false, except: id });
    expect((await two.next('typing')).offset).toBeUndefined();
    await room.publish('last', {});
    await one.next('last');
    await one.expectNone('typing');
    expect((await room.history()).frames.map(({ type }) => type)).toEqual(['x', 'last']);
  });

  it("a server id and the id of a user's frame do not meet", async () => {
    await start();
    const one = await enter('u1');
    await server.realtime.to('svc/a').publish('x', {}, { id: 'same' });
    expect(await one.request({ type: 'message', id: 'same' })).toMatchObject({ type: 'ack', offset: 2 });
  });

  it('members, presence and clearHistory answer what is there', async () => {
    await start();
    await enter('u1');
    await enter('u1');
    await enter('u2');
    const room = server.realtime.to('svc/a');
    expect(await room.members()).toBe(2);
    expect(await room.presence()).toMatchObject({
      count: 2,
      users: [
        { id: 'u1', name: 'u1' },
        { id: 'u2', name: 'u2' },
      ],
      complete: true,
    });
    expect(await room.presence({ after: 'u1' })).toMatchObject({ users: [{ id: 'u2' }] });
    await room.publish('x', {});
    await room.clearHistory();
    expect((await room.history()).frames).toEqual([]);
    expect(await room.publish('x', {})).toMatchObject({ offset: 2 });
  });

  it('rejects with unavailable while the broker is away, and works again when it is back', async () => {
    const broker = new FlakyBroker(new MemoryBroker(STORE));
    await start({ broker });
    broker.goAway();
    await expect(server.realtime.to('svc/a').publish('x', {})).rejects.toMatchObject({ code: 'unavailable' });
    await expect(server.realtime.user('u').disconnect()).rejects.toMatchObject({ code: 'unavailable' });
    expect(await server.app.get(RealtimeHealth).check()).toEqual({ status: 'unavailable', broker: false });
    expect((await TestClient.refusal(`${server.url}/ws/svc/a`, { token: mint(SECRET, { sub: 'u' }) })).status).toBe(
      503,
    );
    broker.comeBack();
    await enter('u1');
    expect(await server.realtime.to('svc/a').publish('x', {})).toMatchObject({ offset: 1 });
  });
});

describe('kick and disconnect', () => {
  it('kick from the room of the path ends the connection with 4501, and forMs keeps the user out for that time', async () => {
    const clock = new ManualClock();
    await start({ clock, heartbeatMs: 0 });
    const client = await enter('u1');
    const witness = await enter('u2');
    await server.realtime.to('svc/a').kick('u1', { forMs: 10_000 });
    expect(await client.next('left')).toMatchObject({ room: 'a', reason: 'kicked' });
    expect(await client.closed()).toEqual({ code: 4501, reason: 'kicked' });
    expect(await witness.next((frame) => frame.type === 'system' && frame['event'] === 'left')).toMatchObject({
      userId: 'u1',
      members: 1,
    });
    const token = mint(SECRET, { sub: 'u1' });
    expect((await TestClient.refusal(`${server.url}/ws/svc/a`, { token })).status).toBe(403);
    const elsewhere = await enter('u1', 'b');
    expect(await elsewhere.request({ type: 'join', room: 'a' })).toMatchObject({ type: 'error', code: 'forbidden' });
    clock.advance(10_000);
    await enter('u1');
  });

  it('kick from a room joined by frame leaves the connection open', async () => {
    await start();
    const client = await enter('u1', 'a');
    await client.request({ type: 'join', room: 'b' });
    await server.realtime.to('svc/b').kick('u1');
    expect(await client.next('left')).toMatchObject({ room: 'b', reason: 'kicked' });
    expect(await client.request({ type: 'join', room: 'b' })).toMatchObject({ type: 'joined' });
  });

  it('kick of somebody who is not there is nothing', async () => {
    await start();
    await server.realtime.to('svc/a').kick('nobody');
    await server.realtime.user('nobody').disconnect();
  });

  it('disconnect ends every connection of the user, in every namespace, and forMs keeps them out', async () => {
    const clock = new ManualClock();
    await start({ clock, heartbeatMs: 0 });
    const all = [await enter('u1'), await connect('/ws/svc', 'u1'), await connect('/ws/other/z', 'u1')];
    const other = await enter('u2');
    await server.realtime.user('u1').disconnect({ forMs: 1_000 });
    for (const client of all) expect(await client.closed()).toEqual({ code: 4501, reason: 'kicked' });
    expect((await TestClient.refusal(`${server.url}/ws/svc`, { token: mint(SECRET, { sub: 'u1' }) })).status).toBe(403);
    clock.advance(1_000);
    await enter('u1');
    expect(other.isOpen).toBe(true);
  });

  it('unban lets a user back before the time is over: from a room, or from everything, each by itself', async () => {
    await start();
    const { realtime } = server;
    const token = mint(SECRET, { sub: 'u1' });
    await realtime.to('svc/a').kick('u1', { forMs: 60_000 });
    await realtime.user('u1').disconnect({ forMs: 60_000 });
    await realtime.to('svc/a').unban('u1');
    expect((await TestClient.refusal(`${server.url}/ws/svc/a`, { token })).status).toBe(403);
    await realtime.user('u1').unban();
    await enter('u1');
    await realtime.to('svc/a').kick('u1', { forMs: 60_000 });
    await realtime.user('u1').unban();
    expect((await TestClient.refusal(`${server.url}/ws/svc/a`, { token })).status).toBe(403);
    await realtime.to('svc/a').unban('u1');
    await enter('u1');
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('forMs %d is the mistake of the caller', async (forMs) => {
    await start();
    await expect((async () => server.realtime.to('svc/a').kick('u1', { forMs }))()).rejects.toMatchObject({
      code: 'bad_usage',
    });
    await expect((async () => server.realtime.user('u1').disconnect({ forMs }))()).rejects.toMatchObject({
      code: 'bad_usage',
    });
  });
});

describe('a room policy that says who may publish', () => {
  it.each<[string, () => boolean | Promise<boolean>, boolean]>([
    ['yes', () => true, true],
    ['a promise of yes', () => Promise.resolve(true), true],
    ['no', () => false, false],
    ['a promise of no', () => Promise.resolve(false), false],
    [
      'an exception',
      () => {
        throw new Error('down');
      },
      false,
    ],
    ['a rejection', () => Promise.reject(new Error('down')), false],
  ])('%s', async (_what, says, published) => {
    class PublishPolicy extends RoomPolicy {
      mayJoin(): boolean {
        return true;
      }

      mayPublish(identity: Identity, room: { address: string }, type: string): boolean | Promise<boolean> {
        expect([identity.id, room.address, type]).toEqual(['u1', 'svc/a', 'message']);
        return says();
      }
    }
    await start({}, [{ provide: RoomPolicy, useClass: PublishPolicy }]);
    const client = await enter('u1');
    const answer = await client.request({});
    if (published) expect(answer).toMatchObject({ type: 'ack', offset: 1 });
    else expect(answer).toMatchObject({ type: 'error', code: 'forbidden' });
    expect(await server.realtime.to('svc/a').publish('server', {})).toMatchObject({ offset: published ? 2 : 1 });
  });
});

describe('RealtimeEvents', () => {
  it('tells connections, rooms and refusals, and a listener that throws harms nobody', async () => {
    await start();
    const seen: string[] = [];
    const events = server.app.get(RealtimeEvents);
    events.on('connectionOpened', () => {
      throw new Error('listener broke');
    });
    events.on('taskFailed', ({ task }) => seen.push(task));
    events.on('connectionOpened', ({ userId, room }) => seen.push(`opened ${userId} ${room}`));
    events.on('roomJoined', ({ room, userId }) => seen.push(`joined ${room} ${userId}`));
    events.on('connectionClosed', ({ code, userId }) => seen.push(`closed ${code} ${userId}`));
    events.on('handshakeRefused', ({ status, code, path }) => seen.push(`refused ${status} ${code} ${path}`));
    const client = await enter('u1');
    await client.close();
    await TestClient.refusal(`${server.url}/ws/svc/b?token=no`);
    await until('all was told', () => seen.some((line) => line.startsWith('refused')));
    expect(seen).toEqual([
      'listener of connectionOpened',
      'opened u1 a',
      'joined @me u1',
      'joined a u1',
      'closed 1000 u1',
      'refused 401 unauthenticated /ws/svc/b',
    ]);
  });
});
