import type { HistoryRange, StoredMessage } from './broker.js';

/** The newest frames of a room, ascending and without a hole. */
export class FrameLog {
  /** Where frames were taken away at the front, up to `first`, nothing is left. */
  private frames: (StoredMessage | undefined)[] = [];
  private first = 0;

  /** @param limit Most frames that are kept. 0: no limit. */
  constructor(private readonly limit: number) {}

  get length(): number {
    return this.frames.length - this.first;
  }

  append(offset: number, payload: Buffer): void {
    this.frames.push({ offset, payload });
    if (this.limit === 0 || this.length <= this.limit) return;
    this.frames[this.first] = undefined;
    this.first += 1;
    // Moving the rest to the front once in a while costs less than shifting it every time.
    if (this.first > 32 && this.first * 2 > this.frames.length) {
      this.frames.splice(0, this.first);
      this.first = 0;
    }
  }

  /** Takes away every frame above an offset. */
  truncate(top: number): void {
    const excess = (this.frames.at(-1)?.offset ?? top) - top;
    if (excess >= this.length) this.clear();
    else if (excess > 0) this.frames.length -= excess;
  }

  clear(): void {
    this.frames = [];
    this.first = 0;
  }

  read({ since, before, limit, maxBytes }: HistoryRange): StoredMessage[] {
    const lowest = this.frames[this.first]?.offset;
    if (lowest === undefined) return [];
    const up = since !== undefined;
    const highest = lowest + this.length - 1;
    const found: StoredMessage[] = [];
    let bytes = 0;
    let at = up ? Math.max(since + 1, lowest) : Math.min(before ?? highest, highest);
    while (found.length < limit) {
      const frame = at < lowest ? undefined : this.frames[this.first + at - lowest];
      if (!frame) break;
      bytes += frame.payload.length;
      if (bytes > maxBytes && found.length > 0) break;
      found.push(frame);
      at += up ? 1 : -1;
    }
    return up ? found : found.toReversed();
  }
}
