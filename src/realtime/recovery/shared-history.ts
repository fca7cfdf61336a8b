import type { HistoryPage, StoredMessage } from '../broker/broker.js';

/** Which frames are asked for: those after `since`, as the broker's `HistoryRange` has it. */
export interface RangeAfter {
  readonly since: number;
  readonly limit: number;
  readonly maxBytes: number;
}

/** What history can be read from: a broker, or what asks it for many. */
export interface HistorySource {
  history(address: string, range: RangeAfter): Promise<HistoryPage>;
}

interface Reader extends RangeAfter {
  readonly resolve: (page: HistoryPage) => void;
  readonly reject: (error: unknown) => void;
}

/** The most that is read for several, where one of them alone does not ask for more. */
const SHARED_BYTES = 256 * 1024;

/**
 * Reads history for many at once: after a cut thousands come back within a second with cursors that lie near to each
 * other, and those of a room who ask in one turn of the event loop are answered from one read. It is for brokers whose
 * answer travels. Memory answers within the turn: to wait for its end would cost each connection a write more, and save
 * nothing (see `storm` of `npm run bench`).
 *
 * Each is given exactly what a read of its own would have given it. A read begins after everybody whom it answers has
 * asked, never before: who has subscribed and then asks misses nothing in between. Whoever lies too far from the others, or
 * whose part is not all in what was read for them, is answered by another read, with those who lie near to it. Each
 * read answers one at least, so there are never more reads than askers.
 */
export class SharedHistory implements HistorySource {
  private waiting = new Map<string, Reader[]>();

  constructor(private readonly broker: HistorySource) {}

  /**
   * Reads at the end of the turn. The page may be that of others too.
   *
   * @throws BrokerUnavailableError unavailable
   */
  history(address: string, range: RangeAfter): Promise<HistoryPage> {
    return new Promise((resolve, reject) => {
      const { since, limit, maxBytes } = range;
      const reader: Reader = { since, limit, maxBytes, resolve, reject };
      const others = this.waiting.get(address);
      if (others) {
        others.push(reader);
        return;
      }
      this.waiting.set(address, [reader]);
      // Not a microtask: the joins of a burst are spread over the callbacks of many sockets.
      if (this.waiting.size === 1) setImmediate(this.endTurn);
    });
  }

  /** Bound: it is handed to timers. */
  private readonly endTurn = (): void => {
    const waiting = this.waiting;
    this.waiting = new Map();
    for (const [address, readers] of waiting) {
      if (readers.length > 1) readers.sort((a, b) => a.since - b.since);
      this.readForAll(address, readers, largest(readers, 'limit'));
    }
  };

  /** @param readers Ascending by `since`. @param width How many offsets may lie between those who share a read. */
  private readForAll(address: string, readers: readonly Reader[], width: number): void {
    for (let from = 0; from < readers.length;) {
      const end = readers[from]!.since + width;
      let to = from + 1;
      while (to < readers.length && readers[to]!.since < end) to += 1;
      void this.readFor(address, readers.slice(from, to));
      from = to;
    }
  }

  private async readFor(address: string, readers: readonly Reader[]): Promise<void> {
    const range = rangeFor(readers);
    try {
      const page = await this.broker.history(address, range);
      const left = answer(readers, page, range);
      // Half as wide as what was read: these fit.
      this.readForAll(address, left, Math.max(1, Math.floor(page.frames.length / 2)));
    } catch (error) {
      for (const { reject } of readers) reject(error);
    }
  }
}

/** What is to be read for all of them: at most what each would have read alone. @param readers Ascending by `since`. */
function rangeFor(readers: readonly Reader[]): RangeAfter {
  const { since } = readers[0]!;
  const span = readers.at(-1)!.since - since;
  const [limit, maxBytes] = [largest(readers, 'limit'), largest(readers, 'maxBytes')];
  if (span === 0) return { since, limit, maxBytes };
  return {
    since,
    limit: limit + span,
    maxBytes: Math.min(maxBytes * readers.length, Math.max(maxBytes, SHARED_BYTES)),
  };
}

/** Hands out a page that was read. @param readers Ascending by `since`. @returns those whose part is not all in it. */
function answer(readers: readonly Reader[], page: HistoryPage, range: RangeAfter): Reader[] {
  const { position, frames } = page;
  // A page is empty only where nothing is retained after its beginning: the limits leave one frame.
  const complete = frames.length === 0 || frames.at(-1)!.offset >= position.top;
  const left: Reader[] = [];
  let from = 0;
  let before: { readonly reader: Reader; readonly page: HistoryPage } | undefined;
  for (const reader of readers) {
    if (before && isSame(before.reader, reader)) {
      reader.resolve(before.page);
      continue;
    }
    while (from < frames.length && frames[from]!.offset <= reader.since) from += 1;
    const to = endOf(frames, from, reader);
    const isFull = to < frames.length || to - from === reader.limit;
    // The page may have ended where the reader's own would have gone on; not that of who asked for its beginning.
    if (!isFull && !complete && reader.since > range.since) {
      left.push(reader);
      continue;
    }
    const own = from === 0 && to === frames.length ? page : { position, frames: frames.slice(from, to) };
    reader.resolve(own);
    before = { reader, page: own };
  }
  return left;
}

/** Where a page ends, as the broker would have ended it, that begins at `from`. */
function endOf(frames: readonly StoredMessage[], from: number, { limit, maxBytes }: RangeAfter): number {
  let to = from;
  for (let bytes = 0; to < frames.length && to - from < limit; to += 1) {
    bytes += frames[to]!.payload.length;
    if (bytes > maxBytes && to > from) break;
  }
  return to;
}

function isSame(a: RangeAfter, b: RangeAfter): boolean {
  return a.since === b.since && a.limit === b.limit && a.maxBytes === b.maxBytes;
}

function largest(readers: readonly Reader[], of: 'limit' | 'maxBytes'): number {
  let most = 0;
  for (const reader of readers) most = Math.max(most, reader[of]);
  return most;
}
