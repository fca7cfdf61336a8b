import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import type { Server } from 'ws';
import { ManualClock } from '../../testing/manual-clock.js';
import type { Session } from './session.js';
import { SessionListener, SessionSocket } from './session-socket.js';

let server: Server<typeof SessionSocket> | undefined;
let client: WebSocket | undefined;

afterEach(async () => {
  client?.terminate();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
});

/** As much of a session as a socket asks for; tells what it heard. */
function tellingSession(told: string[]) {
  const connection = {
    open: true,
    heardAt: 0,
    heldBack: () => told.push('heldBack'),
    outbox: { ponged: () => false, close: () => undefined },
  };
  const dispatcher = { receive: (_: Session, data: Buffer) => told.push(`message ${data.toString()}`) };
  return { connection, dispatcher, controls: { spend: () => false } } as unknown as Session;
}

async function connect(told: string[]): Promise<{ client: WebSocket; socket: SessionSocket; closed: Promise<void> }> {
  server = new WebSocketServer<typeof SessionSocket>({ WebSocket: SessionSocket, autoPong: false, port: 0 });
  let close: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => (close = resolve));
  const listener = new SessionListener(new ManualClock(), (_, code, reason) => {
    told.push(`closed ${code} ${reason}`);
    close();
  });
  const accepted = new Promise<SessionSocket>((resolve) => {
    server?.on('connection', (socket) => {
      socket.accept(tellingSession(told), listener);
      resolve(socket);
    });
  });
  client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(client, 'open');
  return { client, socket: await accepted, closed };
}

describe('SessionSocket', () => {
  it('takes messages and the end to the listener', async () => {
    const told: string[] = [];
    const { client: peer, closed } = await connect(told);
    peer.send('one');
    peer.send('two');
    peer.close(1000, 'done');
    await closed;
    expect(told).toEqual(['message one', 'message two', 'closed 1000 done']);
  });

  it('answers a ping with what it carries, and judges whether its reader is behind', async () => {
    const told: string[] = [];
    const { client: peer } = await connect(told);
    peer.ping('42');
    const [data] = (await once(peer, 'pong')) as [Buffer];
    expect(data.toString()).toBe('42');
    expect(told).toEqual(['heldBack']);
  });

  it('bears a fault of the peer: what follows is its end', async () => {
    const told: string[] = [];
    const { socket, closed } = await connect(told);
    socket.emit('error', new Error('a reset'));
    socket.terminate();
    await closed;
    expect(told).toEqual(['closed 1006 ']);
  });

  it('tells who calls `on` all the same', async () => {
    const told: string[] = [];
    const { client: peer, socket, closed } = await connect(told);
    socket.on('message', (data: Buffer) => told.push(`on ${data.toString()}`));
    expect(socket.eventNames()).toEqual(['message']);
    peer.send('one');
    peer.close();
    await closed;
    socket.emit('error', new Error('a reset'));
    expect(told).toEqual(['message one', 'on one', 'closed 1005 ']);
  });

  it('does not count what a connection that is closed goes on to send', async () => {
    const told: string[] = [];
    const { socket } = await connect(told);
    const { session } = socket;
    Object.assign(session?.controls ?? {}, { spend: () => told.push('spend') });
    Object.assign(session?.connection ?? {}, { open: false });
    socket.emit('ping', Buffer.alloc(0));
    socket.emit('pong', Buffer.alloc(0));
    expect(told).toEqual([]);
  });
});
