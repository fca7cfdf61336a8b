import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WebSocket, WebSocketServer } from 'ws';
import type { Connection } from '../../src/realtime/connection/connection.js';
import { connectionOn } from '../../src/realtime/connection/connection.double.js';
import { DirectSocket, directWrites } from '../../src/realtime/connection/direct-writes.js';
import { loadDirectWriter } from '../../src/realtime/connection/direct-writer.js';
import { encodeTextMessage } from '../../src/realtime/connection/ws-frame.js';
import { FanOut } from '../../src/realtime/rooms/fan-out.js';
import { until } from '../support/within.js';
import { compileAddon, describeWith } from './compiled-addon.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const encoded = (text: string): Buffer => encodeTextMessage(Buffer.from(text));

/** A member of a room over a real WebSocket: the server's end, and what the client's got. */
interface Member {
  readonly connection: Connection;
  readonly outbox: Connection['outbox'];
  readonly ws: WebSocket;
  readonly socket: Socket;
  readonly client: WebSocket;
  readonly got: string[];
}

/** Real WebSockets, as the gateway has them. */
class Members {
  private readonly http = createServer();
  private readonly wss = new WebSocketServer({ noServer: true, perMessageDeflate: true });
  private readonly all: Member[] = [];

  constructor(private readonly writesDirectly: boolean) {
    this.http.listen(0, '127.0.0.1');
  }

  async join(compressed = false): Promise<Member> {
    if (!this.http.listening) await once(this.http, 'listening');
    const { port } = this.http.address() as AddressInfo;
    const client = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: compressed });
    const got: string[] = [];
    client.on('message', (data) => got.push((data as Buffer).toString()));
    client.on('ping', () => got.push('ping'));
    client.on('close', (code) => got.push(`close ${code}`));
    client.on('error', () => undefined);
    const [request, socket, head] = await once(this.http, 'upgrade');
    const ws = await new Promise<WebSocket>((resolve) => this.wss.handleUpgrade(request, socket, head, resolve));
    ws.on('error', () => undefined);
    await once(client, 'open');
    const connection = this.connect(ws, socket);
    const member = { connection, outbox: connection.outbox, ws, socket, client, got };
    this.all.push(member);
    return member;
  }

  close(): void {
    for (const { ws, client } of this.all) {
      ws.terminate();
      client.terminate();
    }
    this.http.close();
  }

  private connect(ws: WebSocket, socket: Socket): Connection {
    return connectionOn(ws, socket, { id: String(this.all.length), writesDirectly: this.writesDirectly });
  }
}

const addon = compileAddon();
afterAll(() => addon.remove());
describe('what a room writes by socket.write', () => contract(false));
describeWith(addon, 'what a room writes by the native writer', (path) => {
  const found = loadDirectWriter(path);
  if (!('writer' in found)) throw new Error(found.why);
  let calls = 0;
  beforeEach(() => {
    calls = 0;
    directWrites.use({ write: (...args) => ((calls += 1), found.writer.write(...args)) });
  });
  contract(true);

  it('writes to 300 members in two calls', async () => {
    const members = new Members(true);
    const room: Member[] = [];
    for (let i = 0; i < 300; i += 1) room.push(await members.join());
    new FanOut().deliver(room, encoded('to all'));
    await until('all have it', () => room.every(({ got }) => got.length === 1));
    expect(calls).toBe(2);
    members.close();
  });

  it('is not used with permessage-deflate, for TLS, or where somebody replaced write', async () => {
    const members = new Members(true);
    const compressed = await members.join(true);
    new FanOut().deliver([compressed, compressed], encoded('packed'));
    await until('it arrives', () => compressed.got.length === 2);
    expect(calls).toBe(0);
    const { socket } = await members.join();
    socket.write = socket.write.bind(socket);
    expect(DirectSocket.of(socket)).toBeUndefined();
    const { socket: other } = await members.join();
    expect(DirectSocket.of(other)).toBeDefined();
    expect(DirectSocket.of(new TLSSocket(other))).toBeUndefined();
    members.close();
  });
});

/** The same whichever way it is written. */
function contract(writesDirectly: boolean): void {
  let members: Members;
  beforeEach(() => {
    members = new Members(writesDirectly);
  });
  afterEach(() => members.close());

  it('keeps the order of frames of the room, of its own, of pings and of the close', async () => {
    const one = await members.join();
    const other = await members.join();
    const fanOut = new FanOut();
    const room = [one, other];
    const expected: string[] = [];
    for (let i = 0; i < 50; i += 1) {
      fanOut.deliver(room, encoded(`room ${i}`));
      expected.push(`room ${i}`);
      if (i % 3 === 0) {
        one.connection.sendText(`own ${i}`);
        expected.push(`own ${i}`);
      }
      if (i % 4 === 0) await turn();
      if (i % 8 === 0) {
        one.ws.ping();
        expected.push('ping');
      }
    }
    one.connection.close(1000);
    expected.push('close 1000');
    await until('it is closed', () => one.got.at(-1) === 'close 1000');
    const order = (texts: readonly string[]): string[] => texts.filter((text) => text !== 'ping');
    expect(order(one.got)).toEqual(order(expected));
    expect(one.got.filter((text) => text === 'ping')).toHaveLength(7);
    await until('the other has all', () => other.got.length === 50);
    expect(other.got).toEqual(Array.from({ length: 50 }, (_, i) => `room ${i}`));
  });

  it('gives a reader that stood still everything in order, and counts what it holds', async () => {
    const slow = await members.join();
    const good = await members.join();
    slow.client.pause();
    const fanOut = new FanOut();
    const room = [slow, good];
    const sent: string[] = [];
    while (slow.connection.outbox.pendingBytes < 500_000) {
      const text = `${sent.length} ${randomBytes(20_000).toString('hex')}`;
      sent.push(text);
      fanOut.deliver(room, encoded(text));
      await turn();
    }
    await until('the good one has all', () => good.got.filter((text) => text !== 'ping').length === sent.length);
    slow.client.resume();
    await until('the slow one has all', () => slow.got.filter((text) => text !== 'ping').length === sent.length);
    expect(slow.got.filter((text) => text !== 'ping')).toEqual(sent);
    expect(slow.connection.outbox.pendingBytes).toBe(0);
  });

  it('writes nothing to a descriptor whose socket was destroyed in the same turn, whoever has it then', async () => {
    const gone = await members.join();
    const good = await members.join();
    const fanOut = new FanOut();
    const room = [gone, good];
    fanOut.deliver(room, encoded('secret'));
    gone.socket.destroy();
    const stranger = await members.join(); // Gets the descriptor that was freed.
    await until('the good one has it', () => good.got.length === 1);
    fanOut.deliver(room, encoded('secret too'));
    await until('the good one has both', () => good.got.length === 2);
    stranger.connection.sendText('hello');
    await until('the stranger is greeted', () => stranger.got.length > 0);
    expect(stranger.got).toEqual(['hello']);
  });

  it('tells a peer that reset as the stream does: it is closed with 1006, and the others have everything', async () => {
    const gone = await members.join();
    const good = await members.join();
    const closed = once(gone.ws, 'close');
    const fanOut = new FanOut();
    const room = [gone, good];
    (gone.client as unknown as { _socket: Socket })._socket.resetAndDestroy();
    for (let i = 0; i < 20; i += 1) {
      fanOut.deliver(room, encoded(`${i}`));
      await turn();
    }
    expect((await closed)[0]).toBe(1006);
    await until('the good one has all', () => good.got.length === 20);
  });
}
