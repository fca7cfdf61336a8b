import type { HistoryRange, StoredMessage } from './broker.js';
import { FrameChunk, MOST_FRAMES } from './frame-chunk.js';

/** The newest frames of a room, ascending and without a hole. */
export class FrameLog {
  /** The oldest first; up to `head` nothing is left. Of the first one, frames may be over already. */
  private chunks: (FrameChunk | undefined)[] = [];
  private head = 0;
  private lowest = 0;
  private count = 0;
  /** How much memory the next chunk is given. */
  private expectedBytes = 0;
  /** Most frames of a chunk: of a small log it is a small part, for its first one goes as a whole. */
  private readonly chunkFrames: number;

  /** @param limit Most frames that are kept. 0: no limit. */
  constructor(private readonly limit: number) {
    this.chunkFrames = limit > 0 ? Math.max(1, Math.min(limit >> 2, MOST_FRAMES)) : MOST_FRAMES;
  }

  get length(): number {
    return this.count;
  }

  append(offset: number, payload: Buffer): void {
    const newest = this.chunks.at(-1);
    if (!newest?.add(payload)) this.begin(offset, payload, newest);
    if (this.count === 0) this.lowest = offset;
    this.count += 1;
    if (this.limit > 0 && this.count > this.limit) this.dropOldest();
  }

  /** Takes away every frame above an offset. */
  truncate(top: number): void {
    const kept = top + 1 - this.lowest;
    if (kept >= this.count) return;
    if (kept <= 0) return this.clear();
    this.count = kept;
    this.chunks.length = this.placeOf(top) + 1;
    this.chunks.at(-1)!.truncate(top);
  }

  clear(): void {
    this.chunks = [];
    this.head = 0;
    this.count = 0;
  }

  read({ since, before, limit, maxBytes }: HistoryRange): StoredMessage[] {
    const highest = this.lowest + this.count - 1;
    const step = since === undefined ? -1 : 1;
    let at = since === undefined ? Math.min(before ?? highest, highest) : Math.max(since + 1, this.lowest);
    if (!Number.isSafeInteger(at)) return [];
    let place = this.placeOf(at);
    const found: StoredMessage[] = [];
    let bytes = 0;
    while (found.length < limit && at >= this.lowest && at <= highest) {
      if (!this.chunks[place]!.has(at)) place += step;
      const payload = this.chunks[place]!.at(at);
      bytes += payload.length;
      if (bytes > maxBytes && found.length > 0) break;
      found.push({ offset: at, payload });
      at += step;
    }
    return step > 0 ? found : found.toReversed();
  }

  private begin(offset: number, payload: Buffer, newest: FrameChunk | undefined): void {
    this.expectedBytes = newest?.bytesForNext(this.chunkFrames) ?? this.expectedBytes;
    this.chunks.push(new FrameChunk(offset, payload, this.expectedBytes));
  }

  private dropOldest(): void {
    this.lowest += 1;
    this.count -= 1;
    if (this.chunks[this.head]!.has(this.lowest)) return;
    this.chunks[this.head] = undefined;
    this.head += 1;
    // Moving the rest to the front once in a while costs less than shifting it every time.
    if (this.head > 32 && this.head * 2 > this.chunks.length) {
      this.chunks.splice(0, this.head);
      this.head = 0;
    }
  }

  /** Where the last chunk is that begins at or before an offset. Before the first one: of no chunk. */
  private placeOf(offset: number): number {
    let low = this.head;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.chunks[middle]!.first <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
