import { randomBytes } from 'node:crypto';
import type { BrokerMessage, LatestPage, LatestRange, Position } from './broker.js';
import { LatestFrames } from './latest-frames.js';
import { TimedPlace, TimeQueue } from './time-queue.js';

export interface MemoryLatestOptions {
  /** How long a room's frames are kept after its last one. 0: no limit. */
  readonly historyTtlMs: number;
  /** How long a room that nobody publishes into or looks at keeps its numbering. */
  readonly roomTtlMs: number;
}

class LatestRoom {
  epoch = newEpoch();
  top = 0;
  readonly frames = new LatestFrames();
  /** Among all rooms: when it was last published into or looked at. */
  readonly used = new TimedPlace<LatestRoom>(this);
  /** Among those that keep frames: when it was last published into. */
  readonly keeps = new TimedPlace<LatestRoom>(this);

  constructor(readonly address: string) {}
}

/** The part of a `MemoryStore` that keeps the newest frame per key (OR4). */
export class MemoryLatest {
  private readonly rooms = new Map<string, LatestRoom>();
  private readonly byUse = new TimeQueue<LatestRoom>();
  /** Rooms that keep frames, by their last publish. */
  private readonly retaining = new TimeQueue<LatestRoom>();

  constructor(private readonly options: MemoryLatestOptions) {}

  /** @returns what is to be delivered. */
  publish(address: string, key: string, payload: Buffer, now: number): BrokerMessage {
    const room = this.use(address, now);
    const offset = (room.top += 1);
    room.frames.put({ key, offset, payload });
    this.retaining.touch(room.keeps, now);
    return { payload, epoch: room.epoch, offset, except: undefined, key };
  }

  read(address: string, range: LatestRange, now: number): LatestPage {
    const position = this.position(address, now);
    return { position, frames: this.use(address, now).frames.read(range) };
  }

  position(address: string, now: number): Position {
    const { epoch, top, frames } = this.use(address, now);
    return { epoch, top, oldest: frames.oldest ?? top + 1, ancestors: [] };
  }

  beginEpoch(address: string, survivingTop: number, now: number): void {
    const room = this.use(address, now);
    room.epoch = newEpoch();
    room.top = Math.min(room.top, survivingTop);
    room.frames.truncate(room.top);
  }

  /** Takes away what has expired: call it before each use. */
  cleanUp(now: number): void {
    const { historyTtlMs, roomTtlMs } = this.options;
    if (historyTtlMs === 0) return;
    const clearUntil = now - historyTtlMs;
    for (let room = this.retaining.takeUntil(clearUntil); room; room = this.retaining.takeUntil(clearUntil)) {
      room.frames.clear();
    }
    const forgetUntil = now - Math.max(roomTtlMs, historyTtlMs);
    for (let room = this.byUse.takeUntil(forgetUntil); room; room = this.byUse.takeUntil(forgetUntil)) {
      this.retaining.remove(room.keeps);
      this.rooms.delete(room.address);
    }
  }

  get size(): { readonly rooms: number; readonly retaining: number } {
    return { rooms: this.rooms.size, retaining: this.retaining.size };
  }

  private use(address: string, now: number): LatestRoom {
    let room = this.rooms.get(address);
    if (!room) {
      room = new LatestRoom(address);
      this.rooms.set(address, room);
    }
    this.byUse.touch(room.used, now);
    return room;
  }
}

/** A name for an epoch, unlike any other. */
export function newEpoch(): string {
  return randomBytes(9).toString('base64url');
}
