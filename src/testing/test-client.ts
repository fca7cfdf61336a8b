import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { BEARER_SUBPROTOCOL, SUBPROTOCOL, parseJson } from '../protocol/index.js';
import { FrameQueue } from './frame-queue.js';
import type { AnyFrame, FrameOf, Received } from './frame-queue.js';
import { HandshakeRefusedError, readRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';

/** How a {@link TestClient} connects. */
export interface TestClientOptions {
  readonly token?: string;
  /** Where the token travels. Default `header`. */
  readonly tokenBy?: 'header' | 'subprotocol' | 'query';
  /** Subprotocols to offer, besides those that the token takes. `rookery.v1` is offered only where it stands here. */
  readonly protocols?: readonly string[];
  readonly origin?: string;
  /** Replaces the path of the URL. */
  readonly path?: string;
  /** Cursor of the path's room (HS6). */
  readonly since?: string;
  /** Cursor of `@me` (HS6). */
  readonly me?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether WebSocket pings are answered. Default `true`. JSON pings never are; send `pong` yourself. */
  readonly autoPong?: boolean;
  /** Offers `permessage-deflate`. Default `false`. */
  readonly compression?: boolean;
  /** How long each wait may take. Default: that of the environment variable `ROOKERY_TEST_TIMEOUT_MS`, else 5,000. */
  readonly timeoutMs?: number;
}

/** How a connection ended. 1006: without a close frame. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/** A frame to send. `type` may be absent: then it is a `message` (CL1). */
export type OutgoingFrame = Readonly<Record<string, unknown>>;

type Match<Frame> = string | ((frame: AnyFrame) => frame is AnyFrame & Frame) | ((frame: AnyFrame) => boolean);

const DEFAULT_TIMEOUT_MS = 5_000;
const ANSWERS: ReadonlySet<string> = new Set(['ack', 'error', 'joined', 'left', 'history', 'presence', 'pong']);

/**
 * A WebSocket client for tests. What comes waits in a queue until a test takes it; every wait has an end, and says then
 * what it waited for and what came instead.
 */
export class TestClient {
  private readonly queue = new FrameQueue();
  private readonly texts = new WeakMap<AnyFrame, string>();
  private readonly timeoutMs: number;
  private end: Closed | undefined;
  private readonly ended: Promise<Closed>;

  private constructor(
    /** The socket itself, for what this class does not do. */
    readonly ws: WebSocket,
    options: TestClientOptions,
  ) {
    this.timeoutMs = options.timeoutMs ?? (Number(process.env['ROOKERY_TEST_TIMEOUT_MS']) || DEFAULT_TIMEOUT_MS);
    ws.on('message', (data: Buffer, isBinary: boolean) => this.receive(data, isBinary));
    ws.on('error', () => undefined); // A close event follows, and tells it; connect() listens by itself.
    this.ended = new Promise((resolve) => {
      ws.on('close', (code: number, reason: Buffer) => {
        this.end = { code, reason: reason.toString() };
        resolve(this.end);
        this.queue.end(() => new Error(this.complaint('a frame')));
      });
    });
  }

  /**
   * Connects. Resolves when the upgrade is done; the first frame may not be there yet.
   *
   * @throws HandshakeRefusedError The server answered with an HTTP status.
   */
  static async connect(url: string, options: TestClientOptions = {}): Promise<TestClient> {
    const ws = new WebSocket(addressOf(url, options), protocolsOf(options), {
      headers: headersOf(options),
      ...(options.origin === undefined ? {} : { origin: options.origin }),
      perMessageDeflate: options.compression ?? false,
      autoPong: options.autoPong ?? true,
      handshakeTimeout: options.timeoutMs ?? 10_000,
    });
    const client = new TestClient(ws, options);
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve);
      ws.once('error', reject);
      ws.once('unexpected-response', (_request, response) => {
        readRefusal(response).then((refusal) => reject(new HandshakeRefusedError(refusal)), reject);
      });
    });
    return client;
  }

  /** Connects where a refusal by HTTP status is expected, and gives it. */
  static async refusal(url: string, options: TestClientOptions = {}): Promise<Refusal> {
    let client: TestClient;
    try {
      client = await TestClient.connect(url, options);
    } catch (error) {
      if (error instanceof HandshakeRefusedError) return error.refusal;
      throw error;
    }
    client.destroy();
    throw new Error(`expected ${url} to be refused by an HTTP status; it was upgraded`);
  }

  /** The subprotocol that the server selected; empty where it selected none. */
  get protocol(): string {
    return this.ws.protocol;
  }

  get isOpen(): boolean {
    return this.end === undefined && this.ws.readyState === WebSocket.OPEN;
  }

  /** Everything that came so far, in order, also what was taken. */
  get received(): readonly AnyFrame[] {
    return this.queue.log.flatMap(({ frame }) => (frame ? [frame] : []));
  }

  /** Takes the first frame of a type, or one that matches; frames that stand before it stay in the queue. */
  next<Type extends string>(type: Type, timeoutMs?: number): Promise<FrameOf<Type>>;
  next<Frame = AnyFrame>(match: (frame: AnyFrame) => boolean, timeoutMs?: number): Promise<Frame>;
  async next(match: Match<AnyFrame>, timeoutMs = this.timeoutMs): Promise<unknown> {
    const test = matcher(match);
    const what = typeof match === 'string' ? `a frame of type "${match}"` : `a frame with ${match.toString()}`;
    const { frame } = await this.wait(
      (received) => received.frame !== undefined && test(received.frame),
      what,
      timeoutMs,
    );
    return frame;
  }

  /** Takes the next frame, whatever it is, `ping` apart. */
  async nextFrame(timeoutMs = this.timeoutMs): Promise<AnyFrame> {
    const { frame } = await this.wait(
      ({ frame }) => frame !== undefined && frame.type !== 'ping',
      'any frame',
      timeoutMs,
    );
    return frame!;
  }

  /** Takes the next text, whatever it says; what a gateway with `codec: 'text'` sends. */
  async nextText(timeoutMs = this.timeoutMs): Promise<string> {
    return (await this.wait(() => true, 'any text', timeoutMs)).text;
  }

  /** Takes as many frames of a type as are asked for. */
  async take<Type extends string>(count: number, type: Type): Promise<FrameOf<Type>[]> {
    const frames: FrameOf<Type>[] = [];
    while (frames.length < count) frames.push(await this.next(type));
    return frames;
  }

  /** The bytes of a frame that came, as text. */
  textOf(frame: object): string {
    const text = this.texts.get(frame as AnyFrame);
    if (text === undefined) throw new Error('expected a frame that this client received');
    return text;
  }

  /** Resolves when the connection has ended. */
  async closed(timeoutMs = this.timeoutMs): Promise<Closed> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(this.complaint('the close', timeoutMs))), timeoutMs);
    });
    return Promise.race([this.ended, late]).finally(() => clearTimeout(timer));
  }

  send(frame: OutgoingFrame): void {
    this.ws.send(JSON.stringify(frame));
  }

  sendText(text: string): void {
    this.ws.send(text);
  }

  sendBinary(bytes: Uint8Array): void {
    this.ws.send(bytes, { binary: true });
  }

  /** Sends a frame, with an id of its own if it has none, and takes the answer with that id (FR5). */
  async request<Frame = AnyFrame>(frame: OutgoingFrame, timeoutMs?: number): Promise<Frame> {
    const id = typeof frame['id'] === 'string' ? frame['id'] : randomUUID();
    this.send({ ...frame, id });
    return this.answer<Frame>(id, timeoutMs);
  }

  /** Takes the answer to a frame that was sent with this id. */
  answer<Frame = AnyFrame>(id: string, timeoutMs?: number): Promise<Frame> {
    const match = (frame: AnyFrame): boolean => frame.id === id && ANSWERS.has(frame.type);
    match.toString = () => `an answer to "${id}"`;
    return this.next<Frame>(match, timeoutMs);
  }

  /**
   * A `ping` and its `pong`: when it resolves, the server has read all that was sent before, and all that it had sent
   * this connection by then has come.
   */
  async roundTrip(): Promise<void> {
    await this.request({ type: 'ping' });
  }

  /**
   * Asserts that nothing of a type, or nothing that matches, is in the queue when a marker has come. The marker must
   * come after whatever is not expected. Default: {@link roundTrip}, which says nothing about what other members do.
   */
  async expectNone(
    match: string | ((frame: AnyFrame) => boolean),
    until: () => Promise<unknown> = () => this.roundTrip(),
  ): Promise<void> {
    await until();
    const test = matcher(match);
    const found = this.queue.waiting().find(({ frame }) => frame && test(frame));
    if (found) throw new Error(`expected no frame with ${match.toString()}; came: ${found.text.slice(0, 300)}`);
  }

  /** Stops reading from the socket: the server's buffers fill up. */
  pause(): void {
    this.ws.pause();
  }

  resume(): void {
    this.ws.resume();
  }

  /** Closes, and waits until the other side did too. */
  async close(code = 1000, reason?: string): Promise<Closed> {
    if (this.ws.isPaused) this.ws.resume();
    this.ws.close(code, reason);
    return this.closed();
  }

  /** Ends the socket without a close frame, as a network does. */
  destroy(): void {
    this.ws.terminate();
  }

  private receive(data: Buffer, isBinary: boolean): void {
    const text = data.toString();
    const value = isBinary ? undefined : parseJson(text);
    const isFrame = typeof value === 'object' && value !== null && typeof (value as AnyFrame).type === 'string';
    const frame = isFrame ? (value as AnyFrame) : undefined;
    if (frame) this.texts.set(frame, text);
    this.queue.push({ text, frame });
  }

  private wait(match: (received: Received) => boolean, what: string, timeoutMs: number): Promise<Received> {
    const present = this.queue.take(match);
    if (present) return Promise.resolve(present);
    if (this.end) return Promise.reject(new Error(this.complaint(what)));
    return this.queue.wait(match, timeoutMs, () => this.complaint(what, timeoutMs));
  }

  private complaint(what: string, timeoutMs?: number): string {
    const came = this.queue.log.slice(-12).map(({ text }) => text.slice(0, 160));
    const state = this.end ? `closed with ${this.end.code} "${this.end.reason}"` : 'open';
    const waited = timeoutMs === undefined ? 'waited' : `waited ${timeoutMs} ms`;
    return `${waited} for ${what}; the connection is ${state}; the last frames that came:\n  ${came.join('\n  ') || '(none)'}`;
  }
}

function matcher(match: Match<AnyFrame>): (frame: AnyFrame) => boolean {
  return typeof match === 'string' ? (frame) => frame.type === match : match;
}

function addressOf(url: string, options: TestClientOptions): string {
  const address = new URL(url);
  const [path = '', search = ''] = (options.path ?? address.pathname).split('?');
  const query = new URLSearchParams(options.path === undefined ? address.search : search);
  for (const [name, value] of Object.entries(options.query ?? {})) query.set(name, value);
  if (options.since !== undefined) query.set('since', options.since);
  if (options.me !== undefined) query.set('me', options.me);
  if (options.token !== undefined && options.tokenBy === 'query') query.set('token', options.token);
  const text = query.toString();
  return `${address.protocol}//${address.host}${path}${text && `?${text}`}`;
}

function protocolsOf(options: TestClientOptions): string[] {
  const offered = [...(options.protocols ?? [])];
  if (options.token === undefined || options.tokenBy !== 'subprotocol') return offered;
  if (!offered.includes(SUBPROTOCOL)) offered.push(SUBPROTOCOL);
  return [...offered, `${BEARER_SUBPROTOCOL}${options.token}`];
}

function headersOf(options: TestClientOptions): Record<string, string> {
  const byHeader = options.token !== undefined && (options.tokenBy ?? 'header') === 'header';
  return { ...(byHeader ? { authorization: `Bearer ${options.token}` } : {}), ...options.headers };
}
