import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Batch, BatchReader } from './batch.js';
import { CompressedWrites } from './compressed-writes.js';
import { DirectSocket } from './direct-writes.js';
import type { DirectReader, DirectWrites } from './direct-writes.js';
import { FrameQueue } from './frame-queue.js';
import { endOfTurn } from './flush-schedule.js';
import type { FlushSchedule } from './flush-schedule.js';
import { joined } from './joined-frames.js';
import { OwedPings } from './owed-pings.js';
import { encodeTextMessage, encodeTextParts, PING } from './ws-frame.js';

/** A message of a chunk: `prefix` stands in the place of the payload's first byte, as `encodeTextMessage` has it. */
export interface ChunkMessage {
  readonly payload: Buffer;
  readonly prefix: string;
}

/** Whose outbox it is. */
export interface OutboxOwner {
  /** More waits than the socket takes at once: the reader may be too slow. */
  heldBack(): void;
}

/** How much of what waited for a slow reader is written at a time: what is written is its own copy. */
const SLOW_WRITE_BYTES = 16 * 1024;
/** The queue of whoever has nothing in it, so that nobody looks into an empty one. Nothing is pushed to it. */
const NO_FRAMES = new FrameQueue();
/** Payloads of a chunk from this size on are written where they are; smaller ones cost less when they are copied. */
const SHARED_FROM_BYTES = 4 * 1024;

/**
 * What a connection has still to be sent. All frames of one turn of the event loop leave in one write: a write costs
 * more than everything else on the way out (see bench/README.md); a schedule may gather for longer. Order is the order of `push`, control frames and the
 * close frame of `ws` included, because both write to the same socket and the close flushes first.
 *
 * While the socket has not drained, frames stay here, as the Buffers that all members of a room share: a reader who
 * stands still costs a push per frame, and no copy.
 *
 * A ping goes behind every 64 KiB of a replay and of what waits for the socket or to be compressed, and behind every 2 MiB of
 * anything else: a peer behind a slow link answers while it reads what the kernel has long since taken, where the pings of
 * the heartbeat would still be under way.
 */
export class Outbox extends OwedPings implements BatchReader, DirectReader {
  /** When it was last flushed, as the schedule counts. */
  flushedAt: number | undefined;
  private queue = NO_FRAMES;
  /** What it is sent after the queue: the frames of a batch, from a place on. */
  private batch: Batch | undefined;
  private batchFrom = 0;
  private batchBytesBefore = 0;
  private underWay = 0;
  private closed = false;
  /** Waits for the socket to drain before it writes more. */
  private held = false;
  private corked = false;
  private readonly compressed: CompressedWrites | undefined;
  private readonly direct: DirectSocket | undefined;

  constructor(
    private readonly ws: WebSocket,
    private readonly socket: Duplex,
    private readonly schedule: FlushSchedule = endOfTurn,
    private readonly owner: OutboxOwner = { heldBack: () => undefined },
    writesDirectly = false,
  ) {
    super();
    this.compressed = CompressedWrites.of(ws);
    this.direct = writesDirectly && !this.compressed ? DirectSocket.of(socket) : undefined;
  }

  /** Bytes that were pushed and that the kernel does not have yet. */
  get pendingBytes(): number {
    return this.queuedBytes + (this.compressed?.pendingBytes ?? this.socket.writableLength);
  }

  private get queuedBytes(): number {
    return this.queue.bytes + (this.batch ? this.batch.bytes - this.batchBytesBefore : 0);
  }

  /** Bytes of the chunk that {@link writeChunk} waits for. Up to so many of the {@link pendingBytes} are its own. */
  get chunkBytes(): number {
    return this.underWay;
  }

  /** Whether the socket has drained, and with so many bytes more at most so many are pending. */
  takes(bytes: number, most: number): boolean {
    return this.isDrained() && this.pendingBytes + bytes <= most;
  }

  /**
   * The socket was corked before the handshake was answered: what is sent in the turn leaves with the answer, in one
   * write. Uncorks at the end of the turn.
   */
  uncorkWithTurn(): void {
    this.corked = true;
    this.schedule.add(this);
  }

  /** Queues an encoded message (`encodeTextMessage`). After {@link close} it is dropped: nobody would read it. */
  push(message: Buffer): void {
    if (this.closed) return;
    if (this.isIdle) this.schedule.add(this);
    this.takeBatch();
    this.enqueue(message);
  }

  /** Queues the newest frame of a batch and those that will be added to it. After {@link close} they are dropped. */
  follow(batch: Batch): void {
    if (this.closed) return;
    if (this.isIdle) this.schedule.add(this);
    this.takeBatch();
    this.batch = batch;
    this.batchFrom = batch.frames.length - 1;
    this.batchBytesBefore = batch.bytes - batch.frames[this.batchFrom]!.length;
    if (this.held || this.queue !== NO_FRAMES) this.owner.heldBack();
  }

  /**
   * Writes what is queued; behind what a socket has not taken yet it waits until that has drained.
   *
   * @param many Writes for many, and ends before anything else happens. Without it what is queued is written now.
   */
  flush(many?: DirectWrites): void {
    if (this.held) return;
    this.flushedAt = this.schedule.now();
    if (this.compressed || !this.socket.writableNeedDrain) {
      this.writeAll(many);
    } else {
      this.hold();
      this.owner.heldBack();
    }
    if (this.corked) this.uncork();
  }

  /**
   * Writes what is queued and then these messages, now. One chunk at a time: resolves when the socket has drained, or is
   * gone. Large payloads are not copied, so that whoever keeps them for many readers pays for them once.
   */
  async writeChunk(messages: readonly ChunkMessage[]): Promise<void> {
    if (this.closed) return;
    this.writeAll();
    if (this.ws.readyState !== this.ws.OPEN) return;
    this.socket.cork(); // One write of all parts.
    if (this.isPingDueBefore()) this.ping();
    for (const message of messages) {
      const bytes = message.payload.length + message.prefix.length;
      this.underWay += bytes;
      this.writePart(message);
      if (this.isPingDue(bytes, true)) this.ping();
    }
    this.socket.uncork();
    await this.drained();
    this.underWay = 0;
  }

  /** Writes to the stream. */
  writeRest(bytes: Buffer): void {
    if (!this.socket.write(bytes)) this.owner.heldBack();
  }

  /** Writes what is queued and takes no more. `drop`: throws away what is queued, for a reader that is too slow. */
  close(drop = false): void {
    if (drop) {
      this.queue = NO_FRAMES;
      this.batch = undefined;
    }
    this.writeAll();
    this.closed = true;
  }

  /** Resolves when the socket takes more without piling it up, or is gone. */
  drained(): Promise<void> {
    this.writeAll();
    if (this.isDrained()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.socket.off('drain', done);
        this.socket.off('close', done);
        resolve();
      };
      this.socket.on('close', done);
      if (this.compressed) this.compressed.onceDrained(done);
      else this.socket.on('drain', done);
    });
  }

  private hold(): void {
    if (this.held) return; // Its owner, told while it writes, may flush it.
    this.held = true;
    this.socket.once('drain', () => {
      this.takeBatch();
      this.held = false;
      while (this.queue !== NO_FRAMES && !this.held) this.writeSome();
    });
  }

  private uncork(): void {
    this.corked = false;
    this.socket.uncork();
  }

  /** It has nothing to write, and waits for nothing: its flush is not scheduled. */
  private get isIdle(): boolean {
    return this.batch === undefined && this.queue === NO_FRAMES && !this.held;
  }

  /** What it is sent waits for the socket, or for being compressed. */
  private get isBehind(): boolean {
    return this.held || (this.compressed ? !this.compressed.isDrained : this.socket.writableNeedDrain);
  }

  private enqueue(message: Buffer): void {
    if (this.queue === NO_FRAMES) this.queue = new FrameQueue();
    this.queue.push(message);
    if (this.isPingDue(message.length, this.isBehind)) this.queue.push(PING);
  }

  /** Puts the batch's frames so far into the queue: something else comes after them. */
  private takeBatch(): void {
    const { batch } = this;
    if (!batch) return;
    this.batch = undefined;
    for (let i = this.batchFrom; i < batch.frames.length; i += 1) this.enqueue(batch.frames[i]!);
    batch.leftBy(this);
  }

  /** All frames of a batch and nothing else, which is how nearly everybody is written to: one Buffer for all of them. */
  private writeBatch(many?: DirectWrites): boolean {
    const { batch } = this;
    if (!batch?.isEnded || this.batchFrom > 0 || this.queue !== NO_FRAMES || this.compressed || this.held) return false;
    if (!this.needsNoPing(batch.bytes)) return false;
    this.batch = undefined;
    if (this.ws.readyState === this.ws.OPEN) this.writeBytes(batch.joined(), many);
    return true;
  }

  private writeSome(): void {
    const { queue } = this;
    const some = queue.takeSome(SLOW_WRITE_BYTES);
    if (queue.isEmpty) this.queue = NO_FRAMES;
    this.write(some);
    if (this.socket.writableNeedDrain) this.hold();
  }

  private writeAll(many?: DirectWrites): void {
    if (this.writeBatch(many)) return;
    this.takeBatch();
    const { queue } = this;
    if (queue === NO_FRAMES) return;
    this.queue = NO_FRAMES;
    this.write(queue.takeAll(), many);
  }

  private write(frames: readonly Buffer[], many?: DirectWrites): void {
    if (this.ws.readyState !== this.ws.OPEN) return;
    if (this.compressed) {
      for (const frame of frames) this.compressed.write(frame);
    } else {
      this.writeBytes(joined.of(frames), many);
    }
  }

  private writeBytes(bytes: Buffer, many?: DirectWrites): void {
    if (many && this.direct?.isIdle === true) many.add(this, this.direct.fd, bytes);
    else this.writeRest(bytes);
  }

  private writePart({ payload, prefix }: ChunkMessage): void {
    if (this.compressed) {
      this.compressed.write(encodeTextMessage(payload, prefix));
    } else if (payload.length < SHARED_FROM_BYTES) {
      this.socket.write(encodeTextMessage(payload, prefix));
    } else {
      for (const part of encodeTextParts(payload, prefix)) this.socket.write(part);
    }
  }

  private ping(): void {
    if (this.compressed) this.compressed.write(PING);
    else this.socket.write(PING);
  }

  private isDrained(): boolean {
    return this.socket.destroyed || (this.compressed?.isDrained ?? !this.socket.writableNeedDrain);
  }
}
