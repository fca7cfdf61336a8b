/** Most frames of a chunk. */
export const MOST_FRAMES = 16;
/** What a chunk has room for at most. */
const MOST_BYTES = 16 * 1024;
/** Payloads from this size on stay where they are, as the Buffer that was published; each is a chunk of its own. */
const SHARED_FROM_BYTES = 4 * 1024;

/**
 * Some frames of a room, one behind the other in one piece of memory. As a Buffer each, a room's hundred frames would be
 * hundreds of objects that the garbage collector moves twice and then looks at for ever; and each would keep the 8 KiB
 * alive that Node cuts small Buffers from, of which frames of other rooms have the rest.
 */
export class FrameChunk {
  private readonly bytes: Buffer;
  /** Where each frame ends. */
  private readonly ends: number[];
  /** It is the Buffer that was published. */
  private readonly isShared: boolean;
  private isTruncated = false;

  /**
   * @param first Offset of its first frame.
   * @param expectedBytes What it is given room for; at least for this payload.
   */
  constructor(
    readonly first: number,
    payload: Buffer,
    expectedBytes: number,
  ) {
    this.ends = [payload.length];
    this.isShared = payload.length >= SHARED_FROM_BYTES;
    if (this.isShared) {
      this.bytes = payload;
    } else {
      this.bytes = Buffer.allocUnsafeSlow(Math.max(expectedBytes, payload.length));
      payload.copy(this.bytes);
    }
  }

  /** @returns whether there was room for it. */
  add(payload: Buffer): boolean {
    const start = this.ends.at(-1)!;
    const end = start + payload.length;
    if (this.isShared || this.isTruncated || payload.length >= SHARED_FROM_BYTES) return false;
    if (this.ends.length === MOST_FRAMES || end > this.bytes.length) return false;
    payload.copy(this.bytes, start);
    this.ends.push(end);
    return true;
  }

  has(offset: number): boolean {
    return offset >= this.first && offset < this.first + this.ends.length;
  }

  /** The payload of a frame that it {@link has}. Its bytes stay as they are. */
  at(offset: number): Buffer {
    const place = offset - this.first;
    return this.bytes.subarray(place === 0 ? 0 : this.ends[place - 1], this.ends[place]);
  }

  /** Takes away every frame above an offset that it {@link has}. Whoever has read those keeps them: nothing comes in their place. */
  truncate(top: number): void {
    this.ends.length = top + 1 - this.first;
    this.isTruncated = true;
  }

  /**
   * What the next chunk is to have room for: twice as many frames, up to so many, of the same size.
   *
   * @returns `undefined`: what it has says nothing about that.
   */
  bytesForNext(mostFrames: number): number | undefined {
    if (this.isShared) return undefined;
    const frames = this.ends.length;
    const each = this.ends.at(-1)! / frames;
    return Math.min(Math.ceil(each * Math.min(2 * frames, mostFrames)), MOST_BYTES);
  }
}
