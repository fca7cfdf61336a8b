import { connect as connectSocket } from 'node:net';
import type { Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import type { CanActivate } from '@nestjs/common';
import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { CurrentRoom, HandshakeGuards, RealtimeGateway } from '../../src/index.js';
import type { Connection, OnJoin, OnLeave, PublishResult, Room } from '../../src/index.js';
import { MemoryStore } from '../../src/realtime/broker/memory-store.js';
import { REALTIME_PARTS } from '../../src/realtime/realtime.tokens.js';
import { HandshakeRefusedError, ManualClock, startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestServer } from '../../src/testing/index.js';
import { CapturedLogger } from '../support/captured-logger.js';
import { Probe } from '../support/probe.js';
import { until, within } from '../support/within.js';

jest.setTimeout(30_000);

let probe: Probe;

@Injectable()
class GateGuard implements CanActivate {
  async canActivate(): Promise<boolean> {
    await probe.pass('guard', '');
    return true;
  }
}

@RealtimeGateway('/ws/clean{/:room}')
@HandshakeGuards(GateGuard)
class CleanGateway implements OnJoin, OnLeave {
  async onJoin(room: Room, connection: Connection): Promise<void> {
    await probe.pass('onJoin', room.name);
    if (connection.query['broken'] !== undefined) throw new Error('broken');
  }

  async onLeave(room: Room): Promise<void> {
    await probe.pass('onLeave', room.name);
    probe.calls.push('left');
  }

  @SubscribeMessage('message')
  say(@CurrentRoom() room: Room, @MessageBody() body: object): Promise<PublishResult> {
    return room.publish('message', body);
  }
}

@RealtimeGateway('/ws/clean-text', { codec: 'text' })
class CleanTextGateway {
  @SubscribeMessage('message')
  echo(@MessageBody() text: string): string {
    return text;
  }
}

let server: TestServer;
let clock: ManualClock;
let logger: CapturedLogger;

beforeEach(async () => {
  probe = new Probe();
  clock = new ManualClock();
  logger = new CapturedLogger();
  server = await startTestServer({
    gateways: [CleanGateway, CleanTextGateway],
    options: { auth: { allowAnonymous: true }, clock, leaveGraceMs: 1_000, unsubscribeDelayMs: 2_000 },
    logger,
  });
});

afterEach(() => server.close());

/** How much of everything the server holds: whatever has a size in its parts, by its path. */
function held(): Record<string, number> {
  const sizes: Record<string, number> = {};
  const seen = new Set<unknown>();
  const visit = (value: unknown, path: string, depth: number): void => {
    // What the store keeps of a room outlives its members on purpose: its history, and where its numbering goes on.
    if (typeof value !== 'object' || value === null || seen.has(value) || depth > 5 || value instanceof MemoryStore)
      return;
    seen.add(value);
    if (value instanceof Map || value instanceof Set) sizes[path] = value.size;
    else if (Array.isArray(value)) sizes[path] = value.length;
    else for (const [name, inner] of Object.entries(value)) visit(inner, `${path}.${name}`, depth + 1);
  };
  const parts = server.app.get<Record<string, unknown>>(REALTIME_PARTS, { strict: false });
  for (const name of ['connections', 'registry', 'tracker', 'runtime', 'realtime', 'verifier'])
    visit(parts[name], name, 0);
  return sizes;
}

/** Only what grows: names whose size is not as it was. */
function grown(before: Record<string, number>): string[] {
  const now = held();
  return Object.keys(now).flatMap((name) =>
    now[name] === (before[name] ?? 0) ? [] : [`${name}: ${before[name]} → ${now[name]}`],
  );
}

function sockets(): Promise<number> {
  return new Promise((resolve) =>
    (server.app.getHttpServer() as Server).getConnections((_error, count) => resolve(count)),
  );
}

async function settle(before: Record<string, number>, timers: number): Promise<void> {
  await until('nobody is connected', () => server.registry.connections().length === 0);
  await until('no room has anybody', () => server.registry.rooms().length === 0);
  await until('every timer and collection is as it was', () => {
    clock.advance(1_000);
    return clock.pending === timers && grown(before).length === 0;
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${grown(before).join(', ')}; timers ${timers} → ${clock.pending}`);
  });
  await until('no socket is open', async () => (await sockets()) === 0);
}

async function enter(path = '/ws/clean/a'): Promise<TestClient> {
  const client = await TestClient.connect(`${server.url}${path}`);
  await client.next('joined');
  return client;
}

function half(path: string): Socket {
  const socket = connectSocket(server.port, '127.0.0.1');
  socket.on('error', () => undefined); // It is ended by the test, or by the server.
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n',
  );
  return socket;
}

/** Whether the server, which is closing, refuses connections by a status or does not even listen. */
async function refusesEverybody(): Promise<boolean> {
  try {
    const client = await TestClient.connect(`${server.url}/ws/clean-text`);
    client.destroy();
    return false;
  } catch {
    return true; // That is the answer.
  }
}

describe('what is left when everybody has gone', () => {
  it.each<[string, (client: TestClient) => unknown]>([
    ['a clean close', (client) => client.close()],
    ['a lost socket', (client) => client.destroy()],
    ['a close by the server', () => server.registry.connections()[0]?.close(4000)],
    ['a message that is too large', (client) => client.sendText('x'.repeat(70_000))],
    [
      'a text that is no UTF-8',
      (client) =>
        void (client.ws as unknown as { _socket: Socket })._socket.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff])),
    ],
    [
      'bytes that are no WebSocket',
      (client) => void (client.ws as unknown as { _socket: Socket })._socket.write(Buffer.alloc(64, 0xff)),
    ],
  ])('is nothing after %s', async (_how, end) => {
    const before = held();
    const timers = clock.pending;
    const client = await enter();
    await client.request({ type: 'join', room: 'b' });
    await client.request({ text: 'x', id: '00000000-0000-4000-8000-000000000001' });
    await client.request({ type: 'leave', room: 'b' });
    await client.request({ type: 'history' });
    await end(client);
    await client.closed();
    await settle(before, timers);
  });

  it('is nothing after 200 connections that came and went in different ways', async () => {
    const before = held();
    const timers = clock.pending;
    for (let round = 0; round < 20; round += 1) {
      await Promise.all(
        Array.from({ length: 10 }, async (_, i) => {
          const kind = i % 5;
          const path = kind === 4 ? '/ws/clean-text' : `/ws/clean/r${round}-${i}${kind === 3 ? '?broken' : ''}`;
          const client = await TestClient.connect(`${server.url}${path}`);
          if (kind < 3) await client.next('joined');
          if (kind === 0) await client.close();
          else if (kind === 3) await client.closed();
          else client.destroy();
        }),
      );
    }
    await settle(before, timers);
    expect(logger.text).not.toMatch(/task_failed/);
  });

  it('is nothing after sockets that vanish while a guard thinks, with and without a reset', async () => {
    const before = held();
    const timers = clock.pending;
    probe.hold('guard:');
    const all = Array.from({ length: 20 }, () => half('/ws/clean/a'));
    await probe.made('guard:', 20);
    all.forEach((socket, i) => (i % 2 ? socket.destroy() : socket.resetAndDestroy()));
    probe.release('guard:');
    await settle(before, timers);
    expect(probe.calls.filter((call) => call.startsWith('onJoin')).length).toBe(
      probe.calls.filter((call) => call === 'left').length,
    );
  });

  it('is nothing after sockets that vanish during OnJoin', async () => {
    const before = held();
    const timers = clock.pending;
    probe.hold('onJoin:a');
    const all = Array.from({ length: 20 }, () => half('/ws/clean/a'));
    await probe.made('onJoin:a', 20);
    all.forEach((socket, i) => (i % 2 ? socket.destroy() : socket.resetAndDestroy()));
    probe.release('onJoin:a');
    await settle(before, timers);
    expect(probe.count('onLeave:a')).toBe(20);
  });

  it('is nothing after sockets that vanish before they have said what they want', async () => {
    const before = held();
    const timers = clock.pending;
    const socket = connectSocket(server.port, '127.0.0.1');
    socket.write('GET /ws/clean/a HTTP/1.1\r\nHost: h\r\nUpgr');
    socket.destroy();
    await settle(before, timers);
  });

  it('is nothing after frames that were still waiting when their sender went', async () => {
    const before = held();
    const timers = clock.pending;
    probe.hold('onJoin:b');
    const client = await enter();
    client.send({ type: 'join', room: 'b' });
    for (let i = 0; i < 50; i += 1) client.send({ room: 'b', text: String(i) });
    client.send({ type: 'history', room: 'b' });
    client.send({ type: 'leave', room: 'b' });
    await probe.made('onJoin:b');
    client.destroy();
    await until('it is gone', () => server.registry.connections().length === 0);
    probe.release('onJoin:b');
    await settle(before, timers);
  });
});

describe('app.close()', () => {
  it('closes everybody with 1001, waits for OnLeave, and ends in time', async () => {
    const clients = await Promise.all(Array.from({ length: 30 }, (_, i) => enter(`/ws/clean/r${i % 3}`)));
    const started = Date.now();
    probe.hold('onLeave:r0');
    const closing = server.close();
    for (const client of clients) expect(await client.closed()).toEqual({ code: 1001, reason: 'going_away' });
    let closed = false;
    void closing.then(() => (closed = true));
    await probe.made('onLeave:r0', 10);
    expect(closed).toBe(false);
    probe.release('onLeave:r0');
    await closing;
    expect(probe.calls.filter((call) => call === 'left')).toHaveLength(30);
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it('ends in time though clients answer nothing any more', async () => {
    const client = await enter();
    client.pause();
    const socket = half('/ws/clean/a');
    await until('both are in', () => server.registry.connections().length === 2);
    socket.pause();
    const started = Date.now();
    await within('the close', server.close(), 8_000);
    expect(Date.now() - started).toBeLessThan(6_000);
    socket.destroy();
    client.destroy();
  });

  it('ends in time though a handshake is under way, which is refused', async () => {
    probe.hold('guard:');
    const socket = half('/ws/clean/a');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    await probe.made('guard:');
    const closing = server.close();
    await until('nobody is let in any more', refusesEverybody);
    probe.release('guard:');
    await within('the close', closing, 8_000);
    await until('it was told', () => answer.startsWith('HTTP/1.1 503 '));
    expect(probe.calls).toEqual(['guard:']);
    expect(server.registry.connections()).toEqual([]);
  });

  it('ends in time though a guard never answers', async () => {
    probe.hold('guard:');
    const socket = half('/ws/clean/a');
    await probe.made('guard:');
    const closing = server.close();
    await until('nobody is let in any more', refusesEverybody);
    clock.advance(5_000);
    await within('the close', closing, 8_000);
    socket.destroy();
    probe.release('guard:');
  });

  it('leaves no timer behind', async () => {
    await enter();
    await server.close();
    // The pod's lease on presence runs out after the grace, for the sake of others.
    clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });

  it('may be called while connections come and go', async () => {
    const coming = Array.from({ length: 40 }, async () => {
      try {
        const client = await TestClient.connect(`${server.url}/ws/clean/a`);
        return String((await client.closed()).code);
      } catch (error) {
        return error instanceof HandshakeRefusedError ? String(error.refusal.status) : 'no server';
      }
    });
    await until('some are in', () => server.registry.connections().length > 5);
    const started = Date.now();
    await within('the close', server.close(), 8_000);
    expect(Date.now() - started).toBeLessThan(3_000);
    for (const end of await Promise.all(coming)) expect(['1001', '503', 'no server']).toContain(end);
    expect(server.registry.connections()).toEqual([]);
    expect(server.registry.rooms()).toEqual([]);
  });
});
