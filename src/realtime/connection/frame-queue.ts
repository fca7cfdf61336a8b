/** An array that was begun with one holds so many before V8 makes it anew, larger. */
const CHUNK = 16;
/** What an empty queue has: one array for all of them. */
const NOTHING: Buffer[] = [];

/**
 * Encoded messages in order. Kept in short arrays: one long array per reader is copied each time it grows, and where
 * thousands of readers of a room stand still, theirs all grow in the same moment. The garbage collector's pauses for
 * that were what the others noticed (see bench/slow-readers).
 */
export class FrameQueue {
  /** Of all messages. */
  bytes = 0;
  private newest = NOTHING;
  /** Those before, up to {@link CHUNK} each, the oldest first; `undefined` for who keeps up. */
  private older: Buffer[][] | undefined;

  get isEmpty(): boolean {
    return this.newest.length === 0;
  }

  push(message: Buffer): void {
    if (this.newest.length === CHUNK) {
      this.older ??= [];
      this.older.push(this.newest);
      this.newest = [];
    }
    if (this.newest === NOTHING) this.newest = [message];
    else this.newest.push(message);
    this.bytes += message.length;
  }

  /** Takes out everything. */
  takeAll(): Buffer[] {
    const all = this.older ? [...this.older, this.newest].flat() : this.newest;
    this.clear();
    return all;
  }

  /** Takes out the oldest messages, up to the one with which they have so many bytes. */
  takeSome(least: number): Buffer[] {
    const taken: Buffer[] = [];
    const before = this.bytes;
    while (!this.isEmpty && before - this.bytes < least) {
      const chunk = this.older?.[0] ?? this.newest;
      const message = chunk.shift()!; // Of a short array.
      this.bytes -= message.length;
      taken.push(message);
      if (chunk.length === 0 && this.older) this.forgetOldest(this.older);
    }
    return taken;
  }

  clear(): void {
    this.newest = NOTHING;
    this.older = undefined;
    this.bytes = 0;
  }

  private forgetOldest(older: Buffer[][]): void {
    older.shift();
    if (older.length === 0) this.older = undefined;
  }
}
