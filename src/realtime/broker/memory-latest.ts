import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { BrokerMessage, LatestPage, LatestRange, Position } from './broker.js';
import { LatestFrames } from './latest-frames.js';

export interface MemoryLatestOptions {
  /** How long a room's frames are kept after its last one. 0: no limit. */
  readonly historyTtlMs: number;
  /** How long a room that nobody publishes into or looks at keeps its numbering. */
  readonly roomTtlMs: number;
  readonly clock: Clock;
}

interface LatestRoom {
  epoch: string;
  top: number;
  readonly frames: LatestFrames;
  /** When it was last published into or looked at. */
  usedAt: number;
}

/** The part of a `MemoryStore` that keeps the newest frame per key (OR4). */
export class MemoryLatest {
  /** In the order of their last use. */
  private readonly rooms = new Map<string, LatestRoom>();
  /** Rooms that keep frames, in the order of their last publish, with its time. */
  private readonly retaining = new Map<string, number>();

  constructor(private readonly options: MemoryLatestOptions) {}

  /** @returns what is to be delivered. */
  publish(address: string, key: string, payload: Buffer): BrokerMessage {
    const room = this.use(address);
    const offset = (room.top += 1);
    room.frames.put({ key, offset, payload });
    this.retaining.delete(address);
    this.retaining.set(address, this.options.clock.now());
    return { payload, epoch: room.epoch, offset, except: undefined, key };
  }

  read(address: string, range: LatestRange): LatestPage {
    const position = this.position(address);
    return { position, frames: this.use(address).frames.read(range) };
  }

  position(address: string): Position {
    const { epoch, top, frames } = this.use(address);
    return { epoch, top, oldest: frames.oldest ?? top + 1, ancestors: [] };
  }

  beginEpoch(address: string, survivingTop: number): void {
    const room = this.use(address);
    room.epoch = newEpoch();
    room.top = Math.min(room.top, survivingTop);
    room.frames.truncate(room.top);
  }

  /** Takes away what has expired: call it before each use. */
  cleanUp(): void {
    const { historyTtlMs, roomTtlMs, clock } = this.options;
    if (historyTtlMs === 0) return;
    const now = clock.now();
    for (const [address, publishedAt] of this.retaining) {
      if (publishedAt + historyTtlMs > now) break;
      this.rooms.get(address)?.frames.clear();
      this.retaining.delete(address);
    }
    for (const [address, { usedAt }] of this.rooms) {
      if (usedAt + Math.max(roomTtlMs, historyTtlMs) > now) break;
      this.rooms.delete(address);
    }
  }

  get size(): { readonly rooms: number; readonly retaining: number } {
    return { rooms: this.rooms.size, retaining: this.retaining.size };
  }

  private use(address: string): LatestRoom {
    const room = this.rooms.get(address) ?? { epoch: newEpoch(), top: 0, frames: new LatestFrames(), usedAt: 0 };
    room.usedAt = this.options.clock.now();
    this.rooms.delete(address);
    this.rooms.set(address, room);
    return room;
  }
}

/** A name for an epoch, unlike any other. */
export function newEpoch(): string {
  return randomBytes(9).toString('base64url');
}
