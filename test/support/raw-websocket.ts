import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { within } from './within.js';

export interface RawMessage {
  readonly opcode: number;
  readonly payload: Buffer;
}

export interface RawOptions {
  /** The request target as it goes over the wire: nothing is normalised. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Written right behind the request, before any answer. */
  readonly early?: readonly Buffer[];
}

/** A WebSocket by hand, for what well-behaved clients don't do: odd request targets, frames before the upgrade. */
export class RawWebSocket {
  private bytes = Buffer.alloc(0);
  private ended = false;
  private wake: () => void = () => undefined;

  private constructor(
    private readonly socket: Socket,
    readonly early: readonly Buffer[],
  ) {
    socket.on('data', (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
      this.wake();
    });
    socket.on('error', () => undefined); // 'close' follows.
    socket.on('close', () => {
      this.ended = true;
      this.wake();
    });
  }

  /** Sends the request, and does not wait for the answer. */
  static send(url: string, { path, headers = {}, early = [] }: RawOptions): RawWebSocket {
    const { host } = new URL(url);
    const lines = {
      Host: host,
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      ...headers,
    };
    const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
    const request = Buffer.from(`GET ${path} HTTP/1.1\r\n${head.join('')}\r\n`, 'latin1');
    return RawWebSocket.sendBytes(url, Buffer.concat([request, ...early]), early);
  }

  /** Sends a request that the caller wrote, which need not be a good one. */
  static sendBytes(url: string, request: Buffer, early: readonly Buffer[] = []): RawWebSocket {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    socket.write(request);
    return new RawWebSocket(socket, early);
  }

  /** The answer to the request: status and head; of a refusal the body too. */
  async answer(): Promise<{ status: number; head: string; body: string }> {
    const end = await this.need('the answer to the upgrade', () => {
      const at = this.bytes.indexOf('\r\n\r\n');
      return at < 0 ? undefined : at;
    });
    const head = this.bytes.subarray(0, end).toString('latin1');
    this.bytes = this.bytes.subarray(end + 4);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    if (status === 101) return { status, head, body: '' };
    const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    await this.need('the body of the refusal', () => (this.bytes.length >= length ? true : undefined));
    return { status, head, body: this.bytes.subarray(0, length).toString() };
  }

  /** The next message of the server, control frames included. */
  async next(): Promise<RawMessage> {
    return this.need('a message', () => this.parse());
  }

  /** Ends our side, and gives what comes until the server has ended its own. */
  async finish(): Promise<RawMessage[]> {
    this.socket.end();
    await this.need('the end of the connection', () => (this.ended ? true : undefined));
    const messages: RawMessage[] = [];
    for (let message = this.parse(); message; message = this.parse()) messages.push(message);
    return messages;
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  destroy(): void {
    this.socket.destroy();
  }

  private parse(): RawMessage | undefined {
    const [first, second] = this.bytes;
    if (first === undefined || second === undefined) return undefined;
    const short = second & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (this.bytes.length < start) return undefined;
    const length =
      short === 126 ? this.bytes.readUInt16BE(2) : short === 127 ? Number(this.bytes.readBigUInt64BE(2)) : short;
    if (this.bytes.length < start + length) return undefined;
    const payload = this.bytes.subarray(start, start + length);
    this.bytes = this.bytes.subarray(start + length);
    return { opcode: first & 0x0f, payload };
  }

  private async need<Value>(what: string, find: () => Value | undefined): Promise<Value> {
    for (;;) {
      const value = find();
      if (value !== undefined) return value;
      if (this.ended)
        throw new Error(`waited for ${what}; the socket was closed after ${this.bytes.length} more bytes`);
      await within(what, new Promise<void>((resolve) => (this.wake = resolve)), 10_000);
    }
  }
}

/** A masked frame of a client. Default: a whole text message. */
export function clientFrame(payload: string | Buffer, opcode = 1, final = true): Buffer {
  const bytes = Buffer.from(payload);
  const length =
    bytes.length < 126 ? Buffer.from([bytes.length]) : Buffer.from([126, bytes.length >> 8, bytes.length & 255]);
  const mask = randomBytes(4);
  length[0]! |= 0x80;
  return Buffer.concat([
    Buffer.from([(final ? 0x80 : 0) | opcode]),
    length,
    mask,
    bytes.map((byte, i) => byte ^ mask[i % 4]!),
  ]);
}
