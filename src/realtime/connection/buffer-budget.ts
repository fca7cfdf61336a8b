/** As much of a connection as is looked at. */
export interface BufferedReader {
  readonly open: boolean;
  /** `chunkBytes`: those of the pending ones that belong to a replay, which may take its time (RC5). */
  readonly outbox: { readonly pendingBytes: number; readonly chunkBytes: number; flush(): void };
  /** Closes it with 4002 and lets go of what is queued, whether the peer takes the close frame or not. */
  dismiss(): void;
}

/** Down to this part of the limit the queues are cut, so that the next frame doesn't cut again. */
const CUT_TO = 0.9;

/**
 * Bounds what is queued for all readers of this pod together (CN2): above the limit the longest queues go first, with
 * 4002; chunks of replays go last. On the way of a frame it costs an addition: what was queued since the last count is
 * added up, as if nothing had been read, and only where that passes the limit the queues are counted. What came in this
 * turn of the event loop is offered to the peers before anybody is judged by it.
 */
export class BufferBudget {
  private atMost = 0;
  private judging = false;

  /** @param limit Bytes. 0: no limit. */
  constructor(
    private readonly limit: number,
    private readonly readers: () => readonly BufferedReader[],
    /** Told when queues were cut: how many readers were closed, and what was queued before. */
    private readonly onCut: (closed: number, queuedBytes: number) => void = () => undefined,
  ) {}

  /** So many bytes were queued. */
  spend(bytes: number): void {
    if (this.limit === 0) return;
    this.atMost += bytes;
    if (this.atMost > this.limit && !this.judging) this.count();
  }

  private count(): void {
    const open = this.openReaders();
    this.atMost = sumOf(open);
    if (this.atMost <= this.limit) return;
    this.judging = true;
    for (const { outbox } of open) outbox.flush();
    // After the first one the loop has looked at the sockets once more.
    setImmediate(() => {
      setImmediate(() => {
        this.judging = false;
        this.cut(this.openReaders());
      });
    });
  }

  private cut(readers: readonly BufferedReader[]): void {
    // Each is asked once: there may be thousands, and everybody waits for this.
    const queues = readers.map((reader) => queueOf(reader));
    let total = queues.reduce((sum, { pending }) => sum + pending, 0);
    if (total > this.limit) {
      const queuedBytes = total;
      let closed = 0;
      for (const length of ['live', 'pending'] as const) {
        if (total <= this.limit * CUT_TO) break;
        for (const queue of queues.filter(({ reader }) => reader.open).sort((a, b) => b[length] - a[length])) {
          if (total <= this.limit * CUT_TO || queue[length] === 0) break;
          total -= queue.pending;
          queue.reader.dismiss();
          closed += 1;
        }
      }
      this.onCut(closed, queuedBytes);
    }
    this.atMost = total;
  }

  private openReaders(): BufferedReader[] {
    return this.readers().filter((reader) => reader.open);
  }
}

interface Queue {
  readonly reader: BufferedReader;
  readonly pending: number;
  /** Without what belongs to a replay. */
  readonly live: number;
}

function queueOf(reader: BufferedReader): Queue {
  const { pendingBytes: pending, chunkBytes } = reader.outbox;
  return { reader, pending, live: Math.max(0, pending - chunkBytes) };
}

function sumOf(readers: readonly BufferedReader[]): number {
  return readers.reduce((sum, { outbox }) => sum + outbox.pendingBytes, 0);
}
