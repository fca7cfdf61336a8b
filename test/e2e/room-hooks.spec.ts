import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import type { OnGatewayConnection, OnGatewayDisconnect } from '@nestjs/websockets';
import {
  CurrentConnection,
  CurrentRoom,
  HandshakeGuards,
  JwtHandshakeGuard,
  RealtimeGateway,
} from '../../src/index.js';
import type { Connection, OnJoin, OnLeave, OnRoomClose, OnRoomOpen, PublishResult, Room } from '../../src/index.js';
import { startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestServer } from '../../src/testing/index.js';
import { CapturedLogger } from '../support/captured-logger.js';
import { Probe } from '../support/probe.js';
import { mint } from '../support/tokens.js';
import { until } from '../support/within.js';

jest.setTimeout(20_000);

const SECRET = 'a secret of the tests, long enough for HS256';

let probe: Probe;
/** What a hook does beside being noted. */
let during: (hook: string, room: Room | undefined, connection: Connection) => unknown;

@RealtimeGateway('/ws/hooks{/:room}', { userRoom: true })
@HandshakeGuards(JwtHandshakeGuard)
class HooksGateway implements OnJoin, OnLeave, OnRoomOpen, OnRoomClose, OnGatewayConnection, OnGatewayDisconnect {
  handleConnection(connection: Connection): unknown {
    probe.calls.push(`handleConnection:${connection.identity.id}`);
    return during('handleConnection', undefined, connection);
  }

  handleDisconnect(connection: Connection): unknown {
    probe.calls.push(`handleDisconnect:${connection.identity.id}`);
    return during('handleDisconnect', undefined, connection);
  }

  async onJoin(room: Room, connection: Connection): Promise<void> {
    await probe.pass('onJoin', `${connection.identity.id} ${room.address}`);
    await during('onJoin', room, connection);
    probe.calls.push(`onJoin done:${connection.identity.id} ${room.address}`);
  }

  async onLeave(room: Room, connection: Connection, reason: string): Promise<void> {
    await probe.pass('onLeave', `${connection.identity.id} ${room.address} ${reason}`);
    await during('onLeave', room, connection);
    probe.calls.push(`onLeave done:${connection.identity.id} ${room.address}`);
  }

  async onRoomOpen(room: Room): Promise<void> {
    await probe.pass('onRoomOpen', room.address);
  }

  async onRoomClose(room: Room): Promise<void> {
    await probe.pass('onRoomClose', room.address);
  }

  @SubscribeMessage('message')
  say(@CurrentRoom() room: Room, @MessageBody() body: object): Promise<PublishResult> {
    probe.calls.push(`message:${room.name}`);
    return room.publish('message', body);
  }

  @SubscribeMessage('close')
  close(@CurrentConnection() connection: Connection, @MessageBody() body: { code?: number; reason?: string }): void {
    connection.close(body.code, body.reason);
  }
}

let server: TestServer;
let logger: CapturedLogger;
let clients: TestClient[];

beforeEach(async () => {
  probe = new Probe();
  during = () => undefined;
  clients = [];
  logger = new CapturedLogger();
  server = await startTestServer({
    gateways: [HooksGateway],
    options: { auth: { jwt: { secret: SECRET } }, leaveGraceMs: 0 },
    logger,
  });
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  await server.close();
});

async function connect(sub: string, room?: string): Promise<TestClient> {
  const path = room === undefined ? '/ws/hooks' : `/ws/hooks/${room}`;
  const client = await TestClient.connect(`${server.url}${path}`, { token: mint(SECRET, { sub }) });
  clients.push(client);
  return client;
}

async function enter(sub: string, room = 'a'): Promise<TestClient> {
  const client = await connect(sub, room);
  await client.next((frame) => frame.type === 'joined' && frame.room === room);
  return client;
}

function count(call: string): number {
  return probe.calls.filter((made) => made.startsWith(call)).length;
}

describe('OnJoin and OnLeave', () => {
  it('run once each, in order, with room, connection and reason', async () => {
    const client = await enter('u1');
    await client.request({ type: 'join', room: 'b' });
    await client.request({ type: 'join', room: 'b' });
    await client.request({ type: 'leave', room: 'b' });
    await client.close();
    await probe.made('onRoomClose:hooks/a');
    expect(probe.calls).toEqual([
      'handleConnection:u1',
      'onRoomOpen:hooks/a',
      'onJoin:u1 hooks/a',
      'onJoin done:u1 hooks/a',
      'onRoomOpen:hooks/b',
      'onJoin:u1 hooks/b',
      'onJoin done:u1 hooks/b',
      'onLeave:u1 hooks/b left',
      'onLeave done:u1 hooks/b',
      'onRoomClose:hooks/b',
      'handleDisconnect:u1',
      'onLeave:u1 hooks/a closed',
      'onLeave done:u1 hooks/a',
      'onRoomClose:hooks/a',
    ]);
  });

  it('are awaited: joined and the first handler wait for OnJoin', async () => {
    probe.hold('onJoin:u1 hooks/a');
    const client = await connect('u1', 'a');
    client.send({ text: 'early' });
    await probe.made('onJoin:u1 hooks/a');
    expect(client.received.map(({ type, room }) => [type, room])).toEqual([
      ['welcome', undefined],
      ['joined', '@me'],
    ]);
    expect(count('message')).toBe(0);
    probe.release('onJoin:u1 hooks/a');
    await client.next((frame) => frame.type === 'joined' && frame.room === 'a');
    await client.next('message');
  });

  it('OnLeave runs once where a connection is kicked, and where the user is disconnected', async () => {
    await enter('kicked');
    await enter('gone');
    await server.realtime.to('hooks/a').kick('kicked');
    await server.realtime.user('gone').disconnect();
    for (const client of clients) expect((await client.closed()).code).toBe(4501);
    await until('both left', () => count('onLeave done:') === 2);
    expect(count('onLeave:kicked hooks/a kicked')).toBe(1);
    expect(count('onLeave:gone')).toBe(1);
    await probe.made('onRoomClose:hooks/a');
  });

  it('a hook that throws in the room of the path is 1011, and other connections go on', async () => {
    const other = await enter('other');
    probe.fail('onJoin:u1 hooks/a', new Error('hook broke'));
    const client = await connect('u1', 'a');
    expect(await client.closed()).toEqual({ code: 1011, reason: 'internal' });
    expect(client.received.some(({ type, room }) => type === 'joined' && room === 'a')).toBe(false);
    expect(count('onLeave:u1')).toBe(0);
    expect(count('onRoomClose')).toBe(0);
    expect(await other.request({ text: 'still here' })).toMatchObject({ type: 'ack' });
    expect(logger.text).toMatch(/hook broke/);
    expect(server.registry.members('hooks/a').map(({ identity }) => identity.id)).toEqual(['other']);
    expect(await server.realtime.to('hooks/a').members()).toBe(1);
  });

  it('a hook that throws in a room joined by frame is error internal, and the connection goes on', async () => {
    const client = await enter('u1');
    probe.fail('onJoin:u1 hooks/b');
    expect(await client.request({ type: 'join', room: 'b', id: 'x' })).toMatchObject({
      type: 'error',
      code: 'internal',
      room: 'b',
    });
    expect(count('onRoomOpen:hooks/b')).toBe(1);
    expect(count('onRoomClose:hooks/b')).toBe(1);
    expect(await client.request({ room: 'b', text: 'x' })).toMatchObject({ type: 'error', code: 'not_in_room' });
    probe.mend('onJoin:u1 hooks/b');
    expect(await client.request({ type: 'join', room: 'b' })).toMatchObject({ type: 'joined', members: 1 });
    expect(count('onRoomOpen:hooks/b')).toBe(2);
  });

  it('an OnRoomOpen that throws refuses the join like OnJoin, and the next one tries again', async () => {
    probe.fail('onRoomOpen:hooks/a');
    const client = await connect('u1', 'a');
    expect((await client.closed()).code).toBe(1011);
    expect(count('onJoin')).toBe(0);
    probe.mend('onRoomOpen:hooks/a');
    await enter('u2');
    expect(count('onRoomOpen')).toBe(2);
  });

  it('an OnLeave that throws closes that connection with 1011, and the room is left all the same', async () => {
    const other = await enter('other', 'b');
    const client = await enter('u1');
    await client.request({ type: 'join', room: 'b' });
    probe.fail('onLeave:u1 hooks/b left', new Error('leave broke'));
    expect(await client.request({ type: 'leave', room: 'b' })).toMatchObject({ type: 'left' });
    expect(await client.closed()).toEqual({ code: 1011, reason: 'internal' });
    expect(server.registry.members('hooks/b')).toHaveLength(1);
    expect(await other.request({ text: 'x' })).toMatchObject({ type: 'ack' });
    expect(logger.text).toMatch(/leave broke/);
  });

  it('an OnLeave that throws while the connection ends harms nobody', async () => {
    const other = await enter('other');
    probe.fail('onLeave:u1 hooks/a closed', new Error('leave broke'));
    const client = await enter('u1');
    client.destroy();
    await until('it is logged', () => logger.text.includes('leave broke'));
    expect(await other.request({ text: 'x' })).toMatchObject({ type: 'ack' });
    await until('the member is gone', () => server.registry.members('hooks/a').length === 1);
  });

  it('OnJoin that closes the connection keeps it from joining', async () => {
    during = (hook, _room, connection) => hook === 'onJoin' && connection.close(4999, 'not_you');
    const client = await connect('u1', 'a');
    expect(await client.closed()).toEqual({ code: 4999, reason: 'not_you' });
    await until('it left', () => count('onLeave done:') === 1);
    expect(client.received.some(({ room }) => room === 'a')).toBe(false);
    await until('no room is left', () => server.registry.rooms().length === 0);
  });

  it('a connection that vanishes during OnJoin has left afterwards, once', async () => {
    probe.hold('onJoin:u1 hooks/a');
    const client = await connect('u1', 'a');
    await probe.made('onJoin:u1 hooks/a');
    client.destroy();
    probe.release('onJoin:u1 hooks/a');
    await until('it left', () => count('onLeave done:') === 1);
    await until('nobody is there', async () => (await server.realtime.to('hooks/a').members()) === 0);
    await until('no room is left', () => server.registry.rooms().length === 0);
    expect(count('onJoin:')).toBe(1);
  });

  it('a publish inside OnJoin is seen by the joiner exactly once, after joined', async () => {
    during = (hook, room, connection) => hook === 'onJoin' && room?.publish('hello', { to: connection.identity.id });
    const client = await enter('u1');
    expect(await client.next('hello')).toMatchObject({ to: 'u1', offset: 1 });
    await client.request({ text: 'x' });
    await client.next('message');
    expect(client.received.filter(({ type }) => type === 'hello')).toHaveLength(1);
    const types = client.received.filter(({ room }) => room === 'a').map(({ type }) => type);
    expect(types.indexOf('joined')).toBeLessThan(types.indexOf('hello'));
    const joined = client.received.find(({ type, room }) => type === 'joined' && room === 'a');
    expect(joined?.cursor?.split('.')[1]).toBe('0');
  });

  it('a publish that is not stored inside OnJoin does not come before joined', async () => {
    during = (hook, room) => hook === 'onJoin' && room?.publish('typing', {}, { store: false });
    const client = await enter('u1');
    await client.request({ text: 'x' });
    const types = client.received.filter(({ room }) => room === 'a').map(({ type }) => type);
    expect(types[0]).toBe('joined');
  });

  it('do not run for @me', async () => {
    const client = await connect('u1');
    expect(await client.next('joined')).toMatchObject({ room: '@me' });
    await client.close();
    await probe.made('handleDisconnect:u1');
    expect(count('on')).toBe(0);
  });
});

describe('OnRoomOpen and OnRoomClose', () => {
  it('run for the first and the last connection of this pod only', async () => {
    const first = await enter('u1');
    const second = await enter('u2');
    await first.close();
    await probe.made('onLeave done:u1 hooks/a');
    expect(count('onRoomClose')).toBe(0);
    await second.close();
    await probe.made('onRoomClose:hooks/a');
    expect(count('onRoomOpen')).toBe(1);
    await enter('u3');
    expect(count('onRoomOpen')).toBe(2);
  });

  it('run once where many come at the same time', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, i) => enter(`u${i}`)));
    expect(count('onRoomOpen')).toBe(1);
    for (const client of clients) client.destroy();
    await probe.made('onRoomClose:hooks/a');
    expect(count('onRoomClose')).toBe(1);
    expect(count('onLeave done:')).toBe(20);
  });

  it('OnRoomClose that throws harms nobody', async () => {
    probe.fail('onRoomClose:hooks/a', new Error('close broke'));
    const client = await enter('u1');
    await client.close();
    await until('it is logged', () => logger.text.includes('close broke'));
    await enter('u2');
  });
});

describe("Nest's handleConnection and handleDisconnect", () => {
  it.each([
    [
      'throws',
      (): never => {
        throw new Error('connection broke');
      },
    ],
    ['rejects', (): Promise<never> => Promise.reject(new Error('connection broke'))],
    [
      'rejects later',
      async (): Promise<never> => {
        await new Promise(setImmediate);
        throw new Error('connection broke');
      },
    ],
  ])('a handleConnection that %s closes that connection with 1011, and no other', async (_how, fails) => {
    const other = await enter('other');
    during = (hook) => (hook === 'handleConnection' ? fails() : undefined);
    const client = await connect('u1', 'a');
    expect(await client.closed()).toEqual({ code: 1011, reason: 'internal' });
    during = () => undefined;
    expect(await other.request({ text: 'x' })).toMatchObject({ type: 'ack' });
    expect(logger.text).toMatch(/connection broke/);
    await until('it is gone', () => server.registry.connections().length === 1);
  });

  it.each([
    [
      'throws',
      (): never => {
        throw new Error('disconnect broke');
      },
    ],
    ['rejects', (): Promise<never> => Promise.reject(new Error('disconnect broke'))],
  ])('a handleDisconnect that %s is logged, and harms nobody', async (_how, fails) => {
    const other = await enter('other');
    during = (hook, _room, { identity }) => (hook === 'handleDisconnect' && identity.id === 'u1' ? fails() : undefined);
    const client = await enter('u1');
    await client.close();
    await until('it is logged', () => logger.text.includes('disconnect broke'));
    expect(await other.request({ text: 'x' })).toMatchObject({ type: 'ack' });
    await until('OnLeave ran', () => count('onLeave done:u1') === 1);
  });

  it('handleConnection runs before OnJoin, and may send', async () => {
    during = (hook, _room, connection) => hook === 'handleConnection' && connection.send({ type: 'greeting', n: 1 });
    const client = await enter('u1');
    expect(client.received.slice(0, 2).map(({ type }) => type)).toEqual(['welcome', 'greeting']);
  });

  it('handleConnection that closes the connection keeps it out of the rooms, or lets it leave them', async () => {
    during = (hook, _room, connection) => hook === 'handleConnection' && connection.close(4998, 'no');
    const client = await connect('u1', 'a');
    expect(await client.closed()).toEqual({ code: 4998, reason: 'no' });
    await until('nobody is there', () => server.registry.connections().length === 0);
    await until('no room is left', () => server.registry.rooms().length === 0);
    expect(count('onJoin:')).toBe(count('onLeave done:'));
  });
});

describe('Connection.close and send of an application', () => {
  it.each([
    [{}, 1000, ''],
    [{ code: 4100, reason: 'bye' }, 4100, 'bye'],
    [{ code: 1008 }, 1008, ''],
  ])('close(%o) reaches the client', async (body, code, reason) => {
    const client = await enter('u1');
    client.send({ type: 'close', ...body });
    expect(await client.closed()).toEqual({ code, reason });
  });

  it.each([
    { code: 1005 },
    { code: 999 },
    { code: 5000 },
    { code: 4000.5 },
    { code: 4000, reason: 'x'.repeat(124) },
    { code: 4000, reason: 'é'.repeat(62) },
  ])('close(%o) is the mistake of the application: it throws, and the connection lives', async (body) => {
    const client = await enter('u1');
    expect(await client.request({ type: 'close', ...body })).toMatchObject({ type: 'error', code: 'internal' });
    expect(await client.request({ text: 'x' })).toMatchObject({ type: 'ack' });
    client.send({ type: 'close', code: 4001 });
    expect((await client.closed()).code).toBe(4001);
    expect(logger.text).toMatch(/expected a close (code of|reason of at most 123 bytes)/);
  });

  it.each([
    ['a string', 'text'],
    ['an object without a type', { a: 1 }],
    ['a reserved type', { type: 'ack', id: 'x' }],
  ])('send() of %s on a json gateway throws', async (_what, data) => {
    let thrown: unknown;
    during = (hook, _room, connection) => {
      if (hook !== 'handleConnection') return;
      try {
        connection.send(data);
      } catch (error) {
        thrown = error;
      }
    };
    await enter('u1');
    expect(thrown).toMatchObject({ code: 'bad_usage' });
  });
});
