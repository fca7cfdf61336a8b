import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import type { WebSocket } from 'ws';
import { CloseCode } from '../../protocol/close-codes.js';
import { reservedTypes } from '../../protocol/names.js';
import type { Identity } from '../auth/identity.js';
import type { ConnectionFacts } from '../realtime.events.js';
import { RealtimeUsageError } from '../realtime.errors.js';
import type { Batch } from './batch.js';
import type { BufferBudget } from './buffer-budget.js';
import { Closing } from './closing.js';
import type { FlushSchedule } from './flush-schedule.js';
import { Outbox } from './outbox.js';
import type { ChunkMessage } from './outbox.js';
import { Turns } from './turns.js';
import { encodeTextMessage } from './ws-frame.js';

/** What a connection keeps of the request that opened it. The request itself is let go. */
export interface ConnectionOrigin {
  readonly headers: IncomingHttpHeaders;
  /** Path and query, without a token. */
  readonly url: string;
  readonly ip: string;
  readonly params: Readonly<Record<string, string>>;
  /** Without a token. */
  readonly query: Readonly<Record<string, string | string[]>>;
  /** What the guards put on the request. */
  readonly user: unknown;
}

export interface ConnectionOptions extends ConnectionOrigin {
  readonly id: string;
  readonly namespace: string;
  readonly identity: Identity;
  readonly codec: 'json' | 'text';
  readonly openedAt: number;
  readonly maxBufferedBytes: number;
  /** When what is sent to it is written. Default: at the end of the turn. */
  readonly schedule?: FlushSchedule | undefined;
  /** Whether the native writer may write to its socket, see docs/native-writes.md. Default: no. */
  readonly writesDirectly?: boolean | undefined;
  /** Hears of each message that is queued: what all readers have queued together is bounded too. */
  readonly budget: Pick<BufferBudget, 'spend'>;
  /** Hears of a hook of the application that threw; the connection closes itself. The same one for all. */
  readonly onHookFailed: (connection: Connection, hook: string, error: unknown) => void;
}

/**
 * One WebSocket, as handlers and hooks see it (`@ConnectedSocket()`, `@CurrentConnection()`). It carries what guards and
 * interceptors written for HTTP look for: `headers url ip params query user`.
 */
export class Connection {
  readonly id: string;
  readonly namespace: string;
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  readonly ip: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly user: unknown;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  /** @internal */
  readonly codec: 'json' | 'text';
  /** @internal */
  readonly outbox: Outbox;
  /** The replays of its rooms: one sends a chunk at a time (RC5). @internal */
  readonly replays = new Turns();
  /** When something was last received. @internal */
  heardAt: number;
  /** When the heartbeat sends its next ping; `undefined`: it has not looked yet. @internal */
  pingDueAt: number | undefined;
  /** Since when a chunk of a replay waits and nothing was seen to drain; `undefined`: none waits. @internal */
  stalledSince: number | undefined;
  /** Whether reading is suspended; silence means nothing then. @internal */
  paused = false;
  /** The code with which `ws` closed it by itself, because the peer broke the standard. @internal */
  breach: number | undefined;
  /** The connection ended on purpose (1000, a kick): its user has left at once. @internal */
  closedCleanly = false;
  private currentIdentity: Identity;
  /** Whether the reader was found to be behind, and is given its turn. */
  private judging = false;
  private closing: Closing | undefined;
  private readsNoMore = false;
  private readonly maxBufferedBytes: number;
  private readonly budget: ConnectionOptions['budget'];
  private readonly onHookFailed: ConnectionOptions['onHookFailed'];
  private closedListener: (() => void) | undefined;

  constructor(
    private readonly ws: WebSocket,
    socket: Duplex,
    options: ConnectionOptions,
  ) {
    this.id = options.id;
    this.namespace = options.namespace;
    this.headers = options.headers;
    this.url = options.url;
    this.ip = options.ip;
    this.params = options.params;
    this.query = options.query;
    this.user = options.user;
    this.openedAt = options.openedAt;
    this.heardAt = options.openedAt;
    this.codec = options.codec;
    this.maxBufferedBytes = options.maxBufferedBytes;
    this.budget = options.budget;
    this.onHookFailed = options.onHookFailed;
    this.currentIdentity = options.identity;
    this.outbox = new Outbox(ws, socket, options.schedule, this, options.writesDirectly);
  }

  /** Who this is. Changes when a fresh token was brought, or an anonymous connection took a name. */
  get identity(): Identity {
    return this.currentIdentity;
  }

  /** @internal */
  identify(identity: Identity): void {
    this.currentIdentity = identity;
  }

  /** Whether frames still reach the other side. `false` from the moment a close was begun by either side. */
  get open(): boolean {
    return this.closing === undefined && this.ws.readyState === this.ws.OPEN;
  }

  /** Why this side closed, if it did, and after how many milliseconds the other one is to come back. @internal */
  get closedWith(): Closing | undefined {
    return this.closing;
  }

  /**
   * Sends something to this connection alone: on a `text` gateway a string as it is, on a `json` gateway an object with
   * a `type` of your own. Order: after everything sent before. Nothing is stored; a connection that is gone gets nothing.
   *
   * @throws RealtimeUsageError bad_usage — the value doesn't fit the gateway's codec.
   * @throws TypeError the value can't be JSON.
   */
  send(data: string | object): void {
    if (this.codec === 'text') {
      this.sendText(typeof data === 'string' ? data : JSON.stringify(data));
      return;
    }
    const type = typeof data === 'object' ? (data as { type?: unknown }).type : undefined;
    if (typeof type !== 'string' || reservedTypes.has(type)) {
      throw new RealtimeUsageError(
        'send() on a json gateway: expected an object with a "type" that the protocol does not reserve; to answer a frame, return from its handler',
      );
    }
    this.sendText(JSON.stringify(data));
  }

  /**
   * Closes with a code and a reason: what was sent before goes out first, except to a reader that is too slow (4002).
   * Only the first call counts.
   *
   * @param code 1000–1014 as RFC 6455 allows them (not 1004, 1005, 1006), or 3000–4999. Default 1000.
   * @throws RealtimeUsageError bad_usage — the code may not be sent, or the reason is longer than 123 bytes; the
   *   connection lives.
   */
  close(code: number = CloseCode.normal, word = '', retryMs?: number): void {
    this.closeWith(new Closing(code, word, retryMs), false);
  }

  /** Closes a reader that holds too much (4002); what it holds is free soon, whether its peer reads or not. @internal */
  dismiss(): void {
    this.closeWith(new Closing(CloseCode.slowConsumer, 'slow_consumer'), true);
  }

  private closeWith(closing: Closing, soon: boolean): void {
    if (this.closing !== undefined) return;
    this.closing = closing;
    this.outbox.close(closing.isOfSlowReader);
    closing.begin(this.ws, soon);
  }

  /** Sends an object of the protocol; a `text` gateway has none. @internal */
  sendFrame(frame: object): void {
    if (this.codec === 'json') this.sendText(JSON.stringify(frame));
  }

  /** Sends a text. @internal */
  sendText(text: string): void {
    this.deliver(encodeTextMessage(Buffer.from(text)));
  }

  /** Sends an encoded message, which may be shared with others. A reader that is too far behind is closed (CN2). @internal */
  deliver(message: Buffer): void {
    if (this.closing !== undefined) return;
    this.outbox.push(message);
    this.budget.spend(message.length);
    this.heldBack();
  }

  /** Sends the newest frame of a batch, and those that are added to it. @internal */
  follow(batch: Batch): void {
    if (this.closing === undefined) this.outbox.follow(batch);
  }

  /** So many bytes were queued in batches, for this reader and others. @internal */
  spend(bytes: number): void {
    this.budget.spend(bytes);
  }

  /** A reader that is too far behind is closed (CN2). @internal */
  heldBack(): void {
    if (this.isBehind()) this.judgeReader();
  }

  /**
   * Sends a chunk of a replay. Resolves when the socket has drained, or is gone. Its bytes don't count towards
   * `maxBufferedBytes`; a reader is too slow for them when none drains for 10 s from `now` on (RC5), see `Heartbeat`.
   * Without `now` it may take its time: nothing piles up meanwhile (OR4). @internal
   */
  async deliverChunk(messages: readonly ChunkMessage[], now?: number): Promise<void> {
    if (this.closing !== undefined) return;
    this.stalledSince = now;
    this.budget.spend(messages.reduce((sum, { payload }) => sum + payload.length, 0));
    await this.outbox.writeChunk(messages);
    this.stalledSince = undefined;
  }

  private isBehind(): boolean {
    const { pendingBytes, chunkBytes } = this.outbox;
    return this.maxBufferedBytes > 0 && pendingBytes - chunkBytes > this.maxBufferedBytes;
  }

  /** What came in this turn was not offered to the peer yet: it is, and has until the turn after the next. */
  private judgeReader(): void {
    if (this.judging) return;
    this.judging = true;
    this.outbox.flush();
    // After the first one the loop has looked at the sockets once more.
    setImmediate(() => {
      setImmediate(() => {
        this.judging = false;
        if (this.isBehind()) this.close(CloseCode.slowConsumer, 'slow_consumer');
      });
    });
  }

  /** @internal */
  pause(): void {
    if (this.paused || this.closing !== undefined) return;
    this.paused = true;
    this.ws.pause();
  }

  /** Reads nothing more: what the other side sends from now on it will send again elsewhere. @internal */
  stopReading(): void {
    this.pause();
    this.readsNoMore = true;
  }

  /** @internal */
  resume(now: number): void {
    if (!this.paused || this.readsNoMore) return;
    this.paused = false;
    this.readOn(now); // While nothing was read from it, nothing could be heard of it.
    this.ws.resume();
  }

  /** The peer has read on: it answered a ping, which stood behind what it was sent before. @internal */
  readOn(now: number): void {
    this.heardAt = now;
    if (this.stalledSince !== undefined) this.stalledSince = now;
  }

  /** Sends a WebSocket ping. @internal */
  ping(): void {
    if (!this.open) return;
    this.outbox.pingsOwed += 1;
    this.ws.ping();
  }

  /** Calls the listener once, when the connection is gone. There is one, which Nest gives. @internal */
  onClosed(listener: () => void): void {
    this.closedListener = listener;
  }

  /** @internal */
  tellClosed(): void {
    this.closedListener?.();
    this.closedListener = undefined;
  }

  /** A hook of the application threw: it is told, and this connection, no other, ends. @internal */
  failed(hook: string, error: unknown): void {
    this.onHookFailed(this, hook, error);
    this.close(CloseCode.internal, 'internal');
  }

  /** Ends the connection without a word; for the end of the process. @internal */
  terminate(): void {
    this.ws.terminate();
  }

  /** What a log that prints the object shows: headers may carry a token (HS7). */
  toJSON(): ConnectionFacts {
    return this.facts();
  }

  [inspect.custom](): string {
    return `Connection ${JSON.stringify(this.facts())}`;
  }

  /** What logs and metrics may know. @internal */
  facts(room?: string): ConnectionFacts {
    return {
      connection: this.id,
      namespace: this.namespace,
      userId: this.currentIdentity.id,
      ip: this.ip,
      ...(room === undefined ? {} : { room }),
    };
  }
}
