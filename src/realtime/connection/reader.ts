import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { CloseCode } from '../../protocol/close-codes.js';
import type { BufferBudget, BufferedReader } from './buffer-budget.js';
import { Closing } from './closing.js';
import type { FlushSchedule } from './flush-schedule.js';
import { Outbox } from './outbox.js';
import type { ChunkMessage, OutboxOwner } from './outbox.js';
import { Turns } from './turns.js';

export interface ReaderOptions {
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  /** What may be queued before it is too slow (CN2), in bytes. 0: no limit. */
  readonly maxBufferedBytes: number;
  /** When what is sent to it is written. Default: at the end of the turn. */
  readonly schedule?: FlushSchedule | undefined;
  /** Whether the native writer may write to its socket, see docs/native-writes.md. Default: no. */
  readonly writesDirectly?: boolean | undefined;
  /** Hears of each message that is queued: what all readers have queued together is bounded too. */
  readonly budget: Pick<BufferBudget, 'spend'>;
}

/**
 * The other side of a connection, as one who reads what it is sent and is heard of: whether it keeps up, whether we read
 * from it, and how it is closed. A class that {@link Connection} extends: as an object of its own it would cost every
 * connection forty bytes.
 */
export abstract class Reader implements BufferedReader, OutboxOwner {
  /** Milliseconds since 1970. */
  readonly openedAt: number;
  /** @internal */
  readonly outbox: Outbox;
  /** When something was last received. @internal */
  heardAt: number;
  /** When the heartbeat sends its next ping; `undefined`: it has not looked yet. @internal */
  pingDueAt: number | undefined;
  /** Since when a chunk of a replay waits and nothing was seen to drain; `undefined`: none waits. @internal */
  stalledSince: number | undefined;
  /** Whether reading is suspended; silence means nothing then. @internal */
  paused = false;
  /** Nothing more is read from it. */
  private readsNoMore = false;
  /** Whether it was found to be behind, and is given its turn. */
  private judging = false;
  private closing: Closing | undefined;
  private ownReplays: Turns | undefined;
  private readonly maxBufferedBytes: number;
  private readonly budget: ReaderOptions['budget'];

  constructor(
    private readonly ws: WebSocket,
    socket: Duplex,
    options: ReaderOptions,
  ) {
    this.openedAt = options.openedAt;
    this.heardAt = options.openedAt;
    this.maxBufferedBytes = options.maxBufferedBytes;
    this.budget = options.budget;
    this.outbox = new Outbox(ws, socket, options.schedule, this, options.writesDirectly);
  }

  /** Whether frames still reach the other side. `false` from the moment a close was begun by either side. */
  get open(): boolean {
    return this.closing === undefined && this.ws.readyState === this.ws.OPEN;
  }

  /** Why this side closed, if it did, and after how many milliseconds the other one is to come back. @internal */
  get closedWith(): Closing | undefined {
    return this.closing;
  }

  /** Sends an encoded message, which may be shared with others. A reader that is too far behind is closed (CN2). @internal */
  deliver(message: Buffer): void {
    if (this.closing !== undefined) return;
    this.outbox.push(message);
    this.budget.spend(message.length);
    this.heldBack();
  }

  /** So many bytes were queued in batches, for this reader and others. @internal */
  spend(bytes: number): void {
    this.budget.spend(bytes);
  }

  /** A reader that is too far behind is closed (CN2). @internal */
  heldBack(): void {
    if (this.isBehind()) this.judge();
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

  /** The replays of its rooms: one sends a chunk at a time (RC5). @internal */
  get replays(): Turns {
    return (this.ownReplays ??= new Turns());
  }

  /** Whether one of its rooms is being replayed. @internal */
  get isReplaying(): boolean {
    return this.ownReplays?.idle === false;
  }

  /** Sends a WebSocket ping. @internal */
  ping(): void {
    if (!this.open) return;
    this.outbox.pinged();
    this.ws.ping();
  }

  /** The peer has read on: it answered a ping, which stood behind what it was sent before. @internal */
  readOn(now: number): void {
    this.heardAt = now;
    if (this.stalledSince !== undefined) this.stalledSince = now;
  }

  /** @internal */
  pause(): void {
    if (this.paused || this.closing !== undefined) return;
    this.paused = true;
    this.ws.pause();
  }

  /** @internal */
  resume(now: number): void {
    if (!this.paused || this.readsNoMore) return;
    this.paused = false;
    this.readOn(now); // While nothing was read from it, nothing could be heard of it.
    this.ws.resume();
  }

  /** Reads nothing more: what the other side sends from now on it will send again elsewhere. @internal */
  stopReading(): void {
    this.pause();
    this.readsNoMore = true;
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

  /** Ends the connection without a word; for the end of the process. @internal */
  terminate(): void {
    this.ws.terminate();
  }

  private closeWith(closing: Closing, soon: boolean): void {
    if (this.closing !== undefined) return;
    this.closing = closing;
    this.outbox.close(closing.isOfSlowReader);
    closing.begin(this.ws, soon);
  }

  private isBehind(): boolean {
    const { pendingBytes, chunkBytes } = this.outbox;
    return this.maxBufferedBytes > 0 && pendingBytes - chunkBytes > this.maxBufferedBytes;
  }

  /** What came in this turn was not offered to the peer yet: it is, and has until the turn after the next. */
  private judge(): void {
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
}
