import { Injectable, Scope } from '@nestjs/common';
import { SubscribeMessage } from '@nestjs/websockets';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  AuthenticatedRoomPolicy,
  CurrentRoom,
  HandshakeGuards,
  JwtHandshakeGuard,
  RealtimeGateway,
  Room,
  RoomPolicy,
} from '../../src/index.js';
import { startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestServer, TestServerOptions } from '../../src/testing/index.js';
import { mint } from '../support/tokens.js';
import { until } from '../support/within.js';

jest.setTimeout(20_000);

const SECRET = 'a secret of the tests, long enough for HS256';

@RealtimeGateway('/ws/chat{/:room}')
@HandshakeGuards(JwtHandshakeGuard)
class ChatGateway {
  @SubscribeMessage('message')
  async say(@CurrentRoom() room: Room): Promise<void> {
    await room.publish('message', { text: 'hi' });
  }
}

let server: TestServer | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function start(
  providers: NonNullable<TestServerOptions['providers']> = [],
  roomsClaim?: string,
): Promise<TestServer> {
  const auth = { jwt: { secret: SECRET }, ...(roomsClaim === undefined ? {} : { roomsClaim }) };
  server = await startTestServer({ gateways: [ChatGateway], providers, options: { auth } });
  return server;
}

const tokenFor = (rooms: unknown, expiresInMs = 3_600_000): string =>
  mint(SECRET, { sub: 'u', rooms }, { expiresInMs });

function connect(path: string, rooms: unknown, since?: string): Promise<TestClient> {
  return TestClient.connect(`${server?.url}/ws/chat${path}`, { token: tokenFor(rooms), ...(since ? { since } : {}) });
}

async function statusOf(path: string, rooms: unknown): Promise<number> {
  return (await TestClient.refusal(`${server?.url}/ws/chat${path}`, { token: tokenFor(rooms) })).status;
}

describe('auth.roomsClaim', () => {
  it('lets into the rooms of the claim, by path and by frame', async () => {
    await start([], 'rooms');
    const client = await connect('/team-a', ['general', 'team-*']);
    await client.next('joined');
    expect(await client.request({ type: 'join', room: 'general' })).toMatchObject({ type: 'joined' });
    expect(await client.request({ type: 'message', room: 'general' })).toMatchObject({ type: 'ack', offset: 1 });
    expect(await client.request({ type: 'join', room: 'board' })).toMatchObject({ type: 'error', code: 'forbidden' });
    client.destroy();
  });

  it('refuses another room at the handshake, before anything of it is told', async () => {
    await start([], 'rooms');
    expect(await statusOf('/board', ['general', 'team-*'])).toBe(403);
    for (const rooms of [undefined, 'board', ['board', 7], {}]) expect(await statusOf('/board', rooms)).toBe(403);
    const client = await connect('', undefined);
    await client.next('welcome');
    client.destroy();
  });

  it('RC3 recovers nothing of a room that is not allowed any more, and gives no history of it', async () => {
    const { realtime } = await start([], 'rooms');
    const client = await connect('/board', ['board']);
    const cursor = (await client.next('joined')).cursor;
    client.destroy();
    await realtime.to('chat/board').publish('message', { text: 'secret' });
    await expect(connect('/board', ['general'], cursor)).rejects.toThrow('403');
    const later = await connect('/general', ['general']);
    await later.next('joined');
    expect(await later.request({ type: 'join', room: 'board', since: cursor })).toMatchObject({ code: 'forbidden' });
    expect(await later.request({ type: 'history', room: 'board' })).toMatchObject({ code: 'not_in_room' });
    expect(JSON.stringify(later.received)).not.toContain('secret');
    later.destroy();
  });

  it('AU1 a token brought by auth takes away the rooms that it does not name, the path’s too, and opens those that it does', async () => {
    const { realtime, registry } = await start([], 'rooms');
    const client = await connect('/team-a', ['general', 'team-*']);
    await client.next('joined');
    await client.request({ type: 'join', room: 'general' });
    await client.request({ type: 'join', room: 'team-b' });
    const token = tokenFor(['general', 'board'], 7_200_000);
    expect(await client.request({ type: 'auth', token })).toMatchObject({ type: 'ack' });
    expect(await client.next('left')).toMatchObject({ room: 'team-a', reason: 'forbidden' });
    expect(await client.next('left')).toMatchObject({ room: 'team-b', reason: 'forbidden' });
    await until('it is in one room', () => registry.rooms().length === 1);
    for (const room of ['team-a', 'team-b', 'general'])
      await realtime.to(`chat/${room}`).publish('message', { text: room });
    expect(await client.next('message')).toMatchObject({ room: 'general' });
    expect(await client.request({ type: 'join', room: 'team-a' })).toMatchObject({ code: 'forbidden' });
    expect(await client.request({ type: 'message', room: 'team-a' })).toMatchObject({ code: 'not_in_room' });
    expect(await client.request({ type: 'join', room: 'board' })).toMatchObject({ type: 'joined' });
    client.destroy();
  });

  it('refuses to start beside a RoomPolicy, and with an empty name', async () => {
    const policy = { provide: RoomPolicy, useValue: new AuthenticatedRoomPolicy(false) };
    await expect(start([policy], 'rooms')).rejects.toThrow(/roomsClaim/);
    await expect(start([], '')).rejects.toThrow(/roomsClaim/);
  });
});

describe('a RoomPolicy', () => {
  it('that is made for each request stops the start: it can not be asked, and nothing milder takes its place', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PolicyOfTheRequest extends RoomPolicy {
      mayJoin(): boolean {
        return false;
      }

      mayPublish(): boolean {
        return false;
      }
    }
    await expect(start([{ provide: RoomPolicy, useClass: PolicyOfTheRequest, scope: Scope.REQUEST }])).rejects.toThrow(
      /RoomPolicy: expected a provider of the default scope/,
    );
  });
});
