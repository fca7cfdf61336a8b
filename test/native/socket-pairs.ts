import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { until, within } from '../support/within.js';

/** Two ends of a TCP connection in this process. */
export interface SocketPair {
  /** The end that is written to, as a server has it. */
  readonly socket: Socket;
  /** Its descriptor. */
  readonly fd: number;
  readonly peer: Socket;
}

/** Real TCP connections over 127.0.0.1, and their end. */
export class SocketPairs {
  private readonly sockets: Socket[] = [];

  private constructor(private readonly server: Server) {}

  static async open(): Promise<SocketPairs> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new SocketPairs(server);
  }

  async connect(): Promise<SocketPair> {
    const accepted = once(this.server, 'connection') as Promise<[Socket]>;
    const peer = connect((this.server.address() as AddressInfo).port, '127.0.0.1');
    const [[socket]] = await within('a connection', Promise.all([accepted, once(peer, 'connect')]));
    for (const end of [socket, peer]) {
      end.on('error', () => undefined); // A reset is what some tests make.
      this.sockets.push(end);
    }
    return { socket, fd: fdOf(socket), peer };
  }

  async connectMany(count: number): Promise<SocketPair[]> {
    const pairs: SocketPair[] = [];
    while (pairs.length < count) pairs.push(await this.connect());
    return pairs;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** Reads so many bytes. */
export async function readBytes(peer: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let got = 0;
  peer.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    got += chunk.length;
  });
  peer.resume(); // A test may have paused it.
  await until(`${length} bytes arrive`, () => got >= length);
  return Buffer.concat(chunks);
}

function fdOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: number } };
  if (handle?.fd === undefined || handle.fd < 0) throw new Error('expected a socket with a descriptor, got none');
  return handle.fd;
}
