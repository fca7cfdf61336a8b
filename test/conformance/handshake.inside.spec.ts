import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { HttpException, Inject, Injectable, UnauthorizedException } from '@nestjs/common';
import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  CurrentRoom,
  HandshakeGuards,
  JwtHandshakeGuard,
  RealtimeConfigError,
  RealtimeGateway,
} from '../../src/index.js';
import type { Connection, OnJoin, PublishResult, RealtimeOptions, Room } from '../../src/index.js';
import { TestClient } from '../../src/testing/index.js';
import { freshRoom, freshUser, joinedIn } from '../support/chat.js';
import { SECRET, startChat, startChatWithClock } from '../support/chat-server.js';
import type { ChatServer, ChatServerOptions } from '../support/chat-server.js';
import { Probe } from '../support/probe.js';
import { clientFrame, RawWebSocket } from '../support/raw-websocket.js';
import { until } from '../support/within.js';

@Injectable()
class ProbeGuard implements CanActivate {
  constructor(@Inject(Probe) private readonly probe: Probe) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.probe.pass('guard', context.getType());
    const status = this.probe.answers.get('status');
    if (status === 401) throw new UnauthorizedException('who are you');
    if (typeof status === 'number') throw new HttpException('refused by the guard', status);
    return this.probe.answers.get('guard') !== false;
  }
}

@Injectable()
class SecondGuard implements CanActivate {
  constructor(@Inject(Probe) private readonly probe: Probe) {}

  canActivate(): boolean {
    this.probe.calls.push('second guard:');
    return true;
  }
}

@RealtimeGateway('/ws/guarded{/:room}')
@HandshakeGuards(JwtHandshakeGuard, ProbeGuard, SecondGuard)
class GuardedGateway implements OnJoin {
  constructor(@Inject(Probe) private readonly probe: Probe) {}

  handleConnection(): void {
    this.probe.calls.push('handleConnection:');
  }

  onJoin(room: Room, connection: Connection): void {
    this.probe.calls.push(`onJoin:${connection.identity.id} ${room.name}`);
  }

  @SubscribeMessage('message')
  say(@CurrentRoom() room: Room, @MessageBody() body: { text: string }): Promise<PublishResult> {
    this.probe.calls.push(`message:${body.text}`);
    return room.publish('message', body);
  }
}

const guarded: ChatServerOptions = { gateways: [GuardedGateway], providers: [ProbeGuard, SecondGuard] };

const applicationCalls = (chat: ChatServer): string[] => chat.probe.calls.filter((call) => !call.includes('guard'));

describe('the handshake, from inside', () => {
  let chat: ChatServer | undefined;

  afterEach(() => chat?.close());

  async function start(options: RealtimeOptions = {}, setup: ChatServerOptions = {}): Promise<ChatServer> {
    chat = await startChat(options, setup);
    return chat;
  }

  const bearer = (server: ChatServer, sub = freshUser()): Record<string, string> => ({
    Authorization: `Bearer ${server.token(sub)}`,
  });

  describe('guards', () => {
    it('HS3 runs no handler, joins no room and sends nothing until every guard said yes', async () => {
      const server = await start({}, guarded);
      server.probe.hold('guard:http');
      const room = freshRoom();
      const raw = RawWebSocket.send(server.url, {
        path: `/ws/guarded/${room}`,
        headers: bearer(server),
        early: [clientFrame('{"type":"message","id":"early","text":"early"}')],
      });
      await server.probe.made('guard:http');
      expect(applicationCalls(server)).toEqual([]);
      expect(server.registry.connections()).toEqual([]);
      expect(server.registry.rooms()).toEqual([]);
      server.probe.release('guard:http');
      expect((await raw.answer()).status).toBe(101);
      const types: string[] = [];
      while (!types.includes('ack'))
        types.push((JSON.parse((await raw.next()).payload.toString()) as { type: string }).type);
      expect(types.slice(0, 2)).toEqual(['welcome', 'joined']);
      expect(applicationCalls(server).at(-1)).toBe('message:early');
      raw.destroy();
    });

    it('HS3 lets nothing of the application run where the last guard says no', async () => {
      const server = await start({}, guarded);
      server.probe.answers.set('guard', false);
      const raw = RawWebSocket.send(server.url, {
        path: `/ws/guarded/${freshRoom()}`,
        headers: bearer(server),
        early: [clientFrame('{"type":"message","text":"early"}')],
      });
      expect((await raw.answer()).status).toBe(403);
      expect(server.probe.calls).toEqual(['guard:http']);
      expect(server.registry.connections()).toEqual([]);
    });

    it('HS3 sees the guards of a handshake as guards of HTTP', async () => {
      const server = await start({}, guarded);
      const client = await server.connect(undefined, freshUser(), { path: '/ws/guarded' });
      await client.next('welcome');
      expect(server.probe.count('guard:http')).toBe(1);
    });

    it('HS3 answers 503 where the guards take longer than 5 s, and a yes that comes later opens nothing', async () => {
      const { chat: server, clock } = await startChatWithClock({}, guarded);
      chat = server;
      server.probe.hold('guard:http');
      const raw = RawWebSocket.send(server.url, { path: `/ws/guarded/${freshRoom()}`, headers: bearer(server) });
      await server.probe.made('guard:http');
      clock.advance(5_000);
      expect((await raw.answer()).status).toBe(503);
      server.probe.release('guard:http');
      await server.probe.made('guard:http');
      const other = await server.connect(undefined, freshUser(), { path: '/ws/guarded' });
      await other.next('welcome');
      expect(server.registry.connections()).toHaveLength(1);
    });

    it('HS3 keeps nothing of somebody who went while the guards were at work', async () => {
      const server = await start({ leaveGraceMs: 0 }, guarded);
      const room = freshRoom();
      server.probe.hold('guard:http');
      const raw = RawWebSocket.send(server.url, { path: `/ws/guarded/${room}`, headers: bearer(server) });
      await server.probe.made('guard:http');
      raw.destroy();
      server.probe.release('guard:http');
      const other = await server.connect(room, freshUser(), { path: `/ws/guarded/${room}` });
      await joinedIn(other, room);
      await until('one connection is left', () => server.registry.connections().length === 1);
      const presence = server.realtime.to(`guarded/${room}`);
      await until('one user is left', async () => (await presence.presence()).count === 1);
    });
  });

  describe('the two faces', () => {
    it.each([
      [401, 1008, 'unauthenticated'],
      [403, 1008, 'forbidden'],
      [429, 1013, 'limit'],
    ])('HS4 gives a guard that says %i both faces', async (status, code, word) => {
      const server = await start({}, guarded);
      server.probe.answers.set('status', status);
      const url = `${server.url}/ws/guarded/x`;
      const refusal = await TestClient.refusal(url, { token: server.token(freshUser()) });
      expect(refusal.status).toBe(status);
      expect(JSON.parse(refusal.body)).toEqual(expect.any(Object));
      const client = await server.connect(undefined, freshUser(), { path: '/ws/guarded/x', protocols: ['rookery.v1'] });
      const closed = await client.closed();
      expect(closed.code).toBe(code);
      expect(closed.reason.split(' ')[0]).toBe(word);
    });

    it('HS4 gives a guard that returns false both faces', async () => {
      const server = await start({}, guarded);
      server.probe.answers.set('guard', false);
      const refusal = await TestClient.refusal(`${server.url}/ws/guarded/x`, { token: server.token(freshUser()) });
      expect(refusal.status).toBe(403);
      const client = await server.connect(undefined, freshUser(), { path: '/ws/guarded/x', protocols: ['rookery.v1'] });
      expect(await client.closed()).toEqual({ code: 1008, reason: 'forbidden' });
    });

    it("HS4 closes for everybody where refusal is 'close'", async () => {
      const server = await start({ handshake: { refusal: 'close' } });
      const client = await server.connect('x', undefined);
      expect(await client.closed()).toEqual({ code: 1008, reason: 'unauthenticated' });
      const bad = await server.connect('@x', freshUser());
      expect(await bad.closed()).toEqual({ code: 4500, reason: 'bad_room' });
    });

    it("HS4 answers by HTTP for everybody where refusal is 'http'", async () => {
      const server = await start({ handshake: { refusal: 'http' } });
      const refusal = await TestClient.refusal(`${server.url}/ws/chat/x`, {
        protocols: ['rookery.v1'],
        origin: server.url.replace('ws', 'http'),
      });
      expect(refusal.status).toBe(401);
    });

    it('HS4 keeps no connection of those that were refused by a close', async () => {
      const server = await start();
      const client = await server.connect('x', undefined, { protocols: ['rookery.v1'] });
      expect(server.registry.connections()).toEqual([]);
      await client.closed();
      expect(server.probe.calls).toEqual([]);
    });
  });

  describe('cookies', () => {
    const withCookie: RealtimeOptions = {
      auth: { jwt: { secret: SECRET, cookie: 'session' } },
      handshake: { allowedOrigins: ['https://app.example'] },
    };
    const origin = 'https://app.example';

    it('HS2 takes the token from a cookie where one is configured', async () => {
      const server = await start(withCookie);
      const sub = freshUser();
      const headers = { cookie: `other=1; session=${server.token(sub)}; more=2` };
      const { welcome } = await server.visit(freshRoom(), undefined, { origin, headers });
      expect(welcome.user.id).toBe(sub);
    });

    it('HS2 takes the cookie last', async () => {
      const server = await start(withCookie);
      const sub = freshUser();
      const headers = { cookie: `session=${server.token(freshUser())}` };
      const { welcome } = await server.visit(freshRoom(), sub, { origin, headers, tokenBy: 'query' });
      expect(welcome.user.id).toBe(sub);
      const bad = await server.connect('x', undefined, { origin, headers, query: { token: 'garbage' } });
      expect((await bad.closed()).reason).toBe('unauthenticated');
    });

    it('HS2 ignores cookies where none is configured', async () => {
      const server = await start();
      const headers = { cookie: `session=${server.token(freshUser())}; token=${server.token(freshUser())}` };
      expect((await TestClient.refusal(`${server.url}/ws/chat/x`, { headers })).status).toBe(401);
    });

    it('HS2 does not start with a cookie and no Origin allow-list', async () => {
      await expect(start({ auth: { jwt: { secret: SECRET, cookie: 'session' } } })).rejects.toThrow(
        RealtimeConfigError,
      );
    });

    it('HS2 does not let a foreign page use the cookie', async () => {
      const server = await start(withCookie);
      const headers = { cookie: `session=${server.token(freshUser())}` };
      const client = await server.connect('x', undefined, { origin: 'https://evil.example', headers });
      expect(await client.closed()).toEqual({ code: 1008, reason: 'origin' });
    });
  });

  describe('recovery of @me', () => {
    it('HS6 recovers @me from ?me and the room from ?since, each by its own cursor', async () => {
      const server = await start();
      const [room, sub] = [freshRoom(), freshUser()];
      const first = await server.visit(room, sub);
      const me = await joinedIn(first.client, '@me');
      first.client.destroy();
      await server.realtime.user(sub).publish('notice', { text: 'for you' });
      await server.realtime.to(`chat/${room}`).publish('message', { text: 'for all' });
      const second = await server.connect(room, sub, { me: me.cursor, since: first.joined.cursor });
      expect(await joinedIn(second, '@me')).toMatchObject({ recovered: true, cursor: me.cursor });
      expect(await joinedIn(second, room)).toMatchObject({ recovered: true, cursor: first.joined.cursor });
      expect(await second.next('notice')).toMatchObject({ room: '@me', text: 'for you', offset: 1 });
      expect(await second.next('message')).toMatchObject({ room, text: 'for all', offset: 1 });
    });

    it('HS6 does not mix the two cursors up', async () => {
      const server = await start();
      const [room, sub] = [freshRoom(), freshUser()];
      const client = await server.connect(room, sub, { me: 'nowhere.1' });
      expect(await joinedIn(client, '@me')).toMatchObject({ recovered: false });
      expect(await joinedIn(client, room)).not.toHaveProperty('recovered');
    });
  });
});
