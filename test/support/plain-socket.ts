import { WebSocket } from 'ws';
import { within } from './within.js';

export interface PlainSocketOptions {
  /** Makes it look like a browser's. */
  readonly origin?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
}

/** A WebSocket that knows nothing of frames: texts in, texts out. */
export class PlainSocket {
  private readonly received: string[] = [];
  private wake: () => void = () => undefined;
  private readonly ended: Promise<{ code: number; reason: string }>;

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      this.received.push(data.toString());
      this.wake();
    });
    this.ended = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    socket.on('error', () => undefined); // 'close' follows.
  }

  /** Connects. @throws Error where the handshake is refused by an HTTP status; see {@link refusal}. */
  static async open(url: string, options: PlainSocketOptions = {}): Promise<PlainSocket> {
    const socket = create(url, options);
    const plain = new PlainSocket(socket);
    await within(
      `a connection to ${new URL(url).pathname}`,
      new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject)),
    );
    return plain;
  }

  /** Connects where that must be refused by HTTP. @returns the answer. */
  static async refusal(url: string, options: PlainSocketOptions = {}): Promise<{ status: number; body: string }> {
    const socket = create(url, options);
    return within(
      'a refusal',
      new Promise((resolve, reject) => {
        socket.once('open', () => {
          socket.terminate();
          reject(new Error('expected a refusal, got a connection'));
        });
        socket.once('error', reject);
        socket.once('unexpected-response', (_request, response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
          });
        });
      }),
    );
  }

  send(text: string): void {
    this.socket.send(text);
  }

  /** The next text that was not taken yet. */
  async next(): Promise<string> {
    if (this.received.length === 0) {
      await within('a message', new Promise<void>((resolve) => (this.wake = resolve)));
    }
    return this.received.shift() ?? '';
  }

  /** The next frame of a type; those before it are dropped. */
  async frame(type: string): Promise<Record<string, unknown>> {
    for (;;) {
      const frame = JSON.parse(await this.next()) as Record<string, unknown>;
      if (frame['type'] === type) return frame;
    }
  }

  /** Waits until the room of the path was joined; `@me` comes before it where there is one. */
  async inRoom(): Promise<Record<string, unknown>> {
    for (;;) {
      const frame = await this.frame('joined');
      if (frame['room'] !== '@me') return frame;
    }
  }

  /** What is there and was not taken. */
  get waiting(): readonly string[] {
    return this.received;
  }

  close(code = 1000): void {
    this.socket.close(code);
  }

  /** How the connection ended. */
  closed(): Promise<{ code: number; reason: string }> {
    return within('the connection to close', this.ended);
  }

  terminate(): void {
    this.socket.terminate();
  }
}

function create(url: string, { origin, headers, protocols = [] }: PlainSocketOptions): WebSocket {
  return new WebSocket(url, [...protocols], { ...(origin ? { origin } : {}), headers: { ...headers } });
}
