/** Who is sent a batch. */
export interface BatchReader {
  /** It is sent the newest frame of the batch, and those that are added from now on. */
  follow(batch: Batch): void;
}

/** A batch that has so much is full: what waits for one reader is looked at again before there is more. */
const FULL_BYTES = 64 * 1024;

/**
 * The frames that a room's members are sent in one turn of the event loop, as one list for all of them: a frame that
 * is added costs nothing per member (see "one of 8 messages of a turn" of `npm run bench:micro`).
 *
 * Order: a reader that is sent something else takes what there is so far, and is a reader of this batch again with the
 * next frame, see {@link leftBy}. So its own list says in which order what belongs where.
 */
export class Batch {
  /** Encoded messages; they only become more. */
  readonly frames: Buffer[];
  /** Of all frames. */
  bytes: number;
  /** It takes no more frames. */
  isEnded = false;
  /** Most batches are left by nobody. */
  private left: BatchReader[] | undefined;
  private whole: Buffer | undefined;

  constructor(first: Buffer) {
    this.frames = [first];
    this.bytes = first.length;
  }

  /** Adds a frame for all readers. @returns false: it takes no more, and nothing was added. */
  add(frame: Buffer): boolean {
    if (this.isEnded || this.bytes >= FULL_BYTES) return false;
    this.frames.push(frame);
    this.bytes += frame.length;
    const { left } = this;
    this.left = undefined;
    if (left) for (const reader of left) reader.follow(this);
    return true;
  }

  /** A reader has taken what there is so far: it is sent other things in between. */
  leftBy(reader: BatchReader): void {
    if (!this.isEnded) (this.left ??= []).push(reader);
  }

  /** Takes no more frames: the turn is over, or the readers of the room are others now. */
  end(): void {
    this.isEnded = true;
    this.left = undefined;
  }

  /** All frames in one Buffer, made once for all readers. After {@link end}. */
  joined(): Buffer {
    this.whole ??= this.frames.length === 1 ? this.frames[0]! : Buffer.concat(this.frames);
    return this.whole;
  }
}
