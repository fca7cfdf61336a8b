import { CloseCode } from '../../protocol/close-codes.js';

/** As much of a connection as is looked at. */
export interface BufferedReader {
  readonly open: boolean;
  readonly outbox: { readonly pendingBytes: number };
  close(code: number, reason: string): void;
  /** Lets go of what is queued, whether the peer takes the close frame or not. */
  abandon(): void;
}

/** Down to this part of the limit the queues are cut, so that the next frame doesn't cut again. */
const CUT_TO = 0.9;

/**
 * Bounds what is queued for all readers of this pod together (CN2): above the limit the longest queues go first, with
 * 4002. On the way of a frame it costs an addition: what was queued since the last count is added up, as if nothing had
 * been read, and only where that passes the limit the queues are counted.
 */
export class BufferBudget {
  private atMost = 0;

  /** @param limit Bytes. 0: no limit. */
  constructor(
    private readonly limit: number,
    private readonly readers: () => readonly BufferedReader[],
  ) {}

  /** So many bytes were queued. */
  spend(bytes: number): void {
    if (this.limit === 0) return;
    this.atMost += bytes;
    if (this.atMost > this.limit) this.count();
  }

  private count(): void {
    const open = this.readers().filter((reader) => reader.open);
    const queues = open.map((reader) => ({ reader, bytes: reader.outbox.pendingBytes }));
    let total = queues.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total > this.limit) {
      queues.sort((a, b) => b.bytes - a.bytes);
      for (const { reader, bytes } of queues) {
        if (total <= this.limit * CUT_TO) break;
        total -= bytes;
        reader.close(CloseCode.slowConsumer, 'slow_consumer');
        reader.abandon();
      }
    }
    this.atMost = total;
  }
}
