import type { HistoryRange, StoredMessage } from './broker.js';
import { FrameChunk } from './frame-chunk.js';

/** The newest frames of a room, ascending and without a hole. */
export class FrameLog {
  /** The oldest first. Of the first one, frames may be over already. */
  private chunks: FrameChunk[] = [];
  private lowest = 0;
  private count = 0;

  /** @param limit Most frames that are kept. 0: no limit. */
  constructor(private readonly limit: number) {}

  get length(): number {
    return this.count;
  }

  append(offset: number, payload: Buffer): void {
    const last = this.chunks.at(-1);
    if (!last?.add(payload)) this.chunks.push(new FrameChunk(offset, payload, last));
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
    while (this.chunks.at(-1)!.first > top) this.chunks.pop();
    this.chunks.at(-1)!.truncate(top);
  }

  clear(): void {
    this.chunks = [];
    this.count = 0;
  }

  read({ since, before, limit, maxBytes }: HistoryRange): StoredMessage[] {
    const highest = this.lowest + this.count - 1;
    const step = since === undefined ? -1 : 1;
    let at = since === undefined ? Math.min(before ?? highest, highest) : Math.max(since + 1, this.lowest);
    let place = this.chunks.findLastIndex(({ first }) => first <= at);
    const found: StoredMessage[] = [];
    let bytes = 0;
    while (found.length < limit && at >= this.lowest && at <= highest) {
      const chunk = this.chunks[place]!;
      if (!chunk.has(at)) {
        place += step;
        continue;
      }
      const payload = chunk.at(at);
      bytes += payload.length;
      if (bytes > maxBytes && found.length > 0) break;
      found.push({ offset: at, payload });
      at += step;
    }
    return step > 0 ? found : found.toReversed();
  }

  private dropOldest(): void {
    this.lowest += 1;
    this.count -= 1;
    if (!this.chunks[0]!.has(this.lowest)) this.chunks.shift();
  }
}
