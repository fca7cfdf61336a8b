import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { DirectWriter } from './direct-writer.js';

/** Who is written to. */
export interface DirectReader {
  /** What the kernel did not take of it; nothing was written since. */
  writeRest(rest: Buffer): void;
}

/** So many sockets are written to in one call; the first of a big room don't wait for the last. */
const SOCKETS_PER_CALL = 256;

/**
 * Gathers who is sent the same bytes, and has the native writer write to all of them in one call. Between {@link add}
 * and {@link end}, both in one turn of the event loop, nothing else may be written to these sockets.
 *
 * Order: what the kernel does not take at once, of a socket that is full, or gone, goes to that socket's stream before
 * anything else does; the stream finds out what is wrong, and tells it as it always does.
 */
export class DirectWrites {
  private writer: DirectWriter | undefined;
  private bytes: Buffer | undefined;
  private count = 0;
  private readonly readers: (DirectReader | undefined)[] = [];
  private readonly fds = new Int32Array(SOCKETS_PER_CALL);
  private readonly taken = new Int32Array(SOCKETS_PER_CALL);

  /** From now on this one writes. */
  use(writer: DirectWriter): void {
    this.writer = writer;
  }

  /** Writes the bytes to the descriptor, at the latest with {@link end}. */
  add(reader: DirectReader, fd: number, bytes: Buffer): void {
    if (this.bytes !== bytes || this.count === SOCKETS_PER_CALL) {
      this.end();
      this.bytes = bytes;
    }
    this.readers[this.count] = reader;
    this.fds[this.count] = fd;
    this.count += 1;
  }

  /** Writes what was added. */
  end(): void {
    const { bytes, count, writer } = this;
    if (!bytes || !writer || count === 0) return;
    this.bytes = undefined;
    this.count = 0;
    const short = writer.write(this.fds, count, bytes, this.taken);
    if (short > 0) this.writeRests(bytes, count);
    this.readers.fill(undefined, 0, count);
  }

  private writeRests(bytes: Buffer, count: number): void {
    for (let i = 0; i < count; i += 1) {
      const taken = Math.max(0, this.taken[i]!);
      if (taken < bytes.length) this.readers[i]!.writeRest(bytes.subarray(taken));
    }
  }
}

/** One for the process, which writes for many at once at the end of a turn. */
export const directWrites = new DirectWrites();

interface Handle {
  readonly fd?: number;
}

/** A TCP socket of this process, as its descriptor can be written to beside its stream. */
export class DirectSocket {
  private constructor(
    private readonly socket: Socket & { _handle?: Handle | null },
    private readonly handle: Handle,
    /** Its descriptor, while {@link isIdle}. */
    readonly fd: number,
  ) {}

  /** @returns `undefined` for what is no plain socket: TLS, a stream of another kind, one whose `write` somebody replaced. */
  static of(socket: Duplex): DirectSocket | undefined {
    if (socket.constructor !== Socket || Object.hasOwn(socket, 'write')) return undefined;
    const plain = socket as Socket & { _handle?: Handle | null };
    const handle = plain._handle;
    return handle?.fd !== undefined && handle.fd >= 0 ? new DirectSocket(plain, handle, handle.fd) : undefined;
  }

  /**
   * Whether what is written to the descriptor now comes after everything that was written to the stream, and nowhere
   * else: the stream holds nothing, and has its handle. One that is destroyed has none, from before the descriptor is
   * free for others.
   */
  get isIdle(): boolean {
    const { socket } = this;
    return socket._handle === this.handle && socket.writableLength === 0 && socket.writable;
  }
}
