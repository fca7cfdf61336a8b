import { formatCursor, parseCursor } from '../protocol/index.js';
import type { Cursor, JoinedFrame, MessageFrame } from '../protocol/index.js';

/** Processed frames that are remembered by id, beside the limit in time. */
const REMEMBERED_FRAMES = 10_000;

/** Where one client is in one room (RC6): says which frames are new to the application, through any number of cuts. */
export class RoomCursor {
  #cursor: Cursor | undefined;
  #epochChanged = false;
  /** When a frame was processed, by its sender and id; oldest first. */
  readonly #processedAt = new Map<string, number>();

  /** As it travels in `since`; `undefined` before the first `joined`. */
  get text(): string | undefined {
    return this.#cursor && formatCursor(this.#cursor.epoch, this.#cursor.offset);
  }

  /** Of the last frame that was processed. */
  get offset(): number {
    return this.#cursor?.offset ?? 0;
  }

  /**
   * Takes over the cursor of a `joined`: downwards only where the epoch is new or frames were lost.
   *
   * @returns whether the epoch is new.
   */
  joined(frame: JoinedFrame): boolean {
    const cursor = parseCursor(frame.cursor);
    if (!cursor) return false; // Without a cursor there is nothing to go on from; frames are judged by the old one.
    const changed = this.#cursor !== undefined && this.#cursor.epoch !== cursor.epoch;
    if (changed) this.#epochChanged = true;
    if (changed || frame.recovered === false || this.offset <= cursor.offset) this.#cursor = cursor;
    return changed;
  }

  /** Says whether the application has not seen this frame yet, and moves the cursor past it. */
  advance(frame: MessageFrame, now: number, dedupeTtlMs: number): boolean {
    if (frame.offset === undefined || !this.#cursor) return true;
    if (frame.offset <= this.#cursor.offset) return false;
    this.#cursor = { epoch: this.#cursor.epoch, offset: frame.offset };
    if (frame.id === undefined) return true;
    this.#forget(now - dedupeTtlMs);
    const key = `${frame.userId ?? ''}\n${frame.id}`;
    if (this.#epochChanged && this.#processedAt.has(key)) return false;
    this.#processedAt.set(key, now);
    return true;
  }

  #forget(before: number): void {
    for (const [key, processedAt] of this.#processedAt) {
      if (processedAt > before && this.#processedAt.size < REMEMBERED_FRAMES) return;
      this.#processedAt.delete(key);
    }
  }
}
