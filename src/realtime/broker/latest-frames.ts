import type { LatestMessage, LatestRange } from './broker.js';

/** Keys that a room of kind `latest` keeps (OR4). */
export const MAX_LATEST_KEYS = 1_000;

/** The newest message of each key, ascending by version. Above 1,000 keys the lowest version goes. */
export class LatestFrames {
  private readonly frames = new Map<string, LatestMessage>();

  /** The lowest version that is there; `undefined`: there is none. */
  get oldest(): number | undefined {
    const [first] = this.frames.values();
    return first?.offset;
  }

  /** Takes a message that is newer than all that are there. */
  put(message: LatestMessage): void {
    this.frames.delete(message.key); // It moves to the end.
    this.frames.set(message.key, message);
    if (this.frames.size <= MAX_LATEST_KEYS) return;
    const [oldest] = this.frames.keys();
    if (oldest !== undefined) this.frames.delete(oldest);
  }

  read({ since, limit, maxBytes }: LatestRange): LatestMessage[] {
    const found: LatestMessage[] = [];
    let bytes = 0;
    for (const frame of this.frames.values()) {
      if (frame.offset <= since) continue;
      bytes += frame.payload.length;
      if (found.length === limit || (bytes > maxBytes && found.length > 0)) break;
      found.push(frame);
    }
    return found;
  }

  /** Forgets every message below a version. */
  dropBelow(version: number): void {
    for (const { key, offset } of this.frames.values()) {
      if (offset >= version) break;
      this.frames.delete(key);
    }
  }

  /** Forgets every message above a version. */
  truncate(version: number): void {
    for (const { key, offset } of [...this.frames.values()]) {
      if (offset > version) this.frames.delete(key);
    }
  }

  clear(): void {
    this.frames.clear();
  }
}
