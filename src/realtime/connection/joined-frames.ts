/**
 * Makes one Buffer out of the frames of a turn. Members of a room are sent the same frames, one after the other: whoever
 * has the same ones as the reader before gets the same bytes, without a copy.
 */
export class JoinedFrames {
  private frames: readonly Buffer[] = [];
  private bytes: Buffer | undefined;

  /** The frames in one Buffer, which may be shared with other readers and must not be changed. */
  of(frames: readonly Buffer[]): Buffer {
    if (frames.length === 1) return frames[0]!;
    if (this.bytes && isSame(frames, this.frames)) return this.bytes;
    this.frames = frames;
    this.bytes = Buffer.concat(frames);
    return this.bytes;
  }

  /** Lets go of what it made last. */
  forget(): void {
    this.frames = [];
    this.bytes = undefined;
  }
}

/** One for the process: whoever writes for many at once lets go of it afterwards. */
export const joined = new JoinedFrames();

function isSame(some: readonly Buffer[], others: readonly Buffer[]): boolean {
  if (some.length !== others.length) return false;
  for (let i = 0; i < some.length; i += 1) if (some[i] !== others[i]) return false;
  return true;
}
