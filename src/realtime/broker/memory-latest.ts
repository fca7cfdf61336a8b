import { randomBytes } from 'node:crypto';
import type { BrokerMessage, LatestPage, LatestRange, Position } from './broker.js';
import { ExpiringRoom, ExpiringRooms } from './expiring-rooms.js';
import type { ExpiringRoomsOptions } from './expiring-rooms.js';
import { LatestFrames } from './latest-frames.js';

class LatestRoom extends ExpiringRoom {
  epoch = newEpoch();
  top = 0;
  readonly frames = new LatestFrames();

  clear(): void {
    this.frames.clear();
  }
}

/** The part of a `MemoryStore` that keeps the newest frame per key (OR4). */
export class MemoryLatest {
  private readonly rooms: ExpiringRooms<LatestRoom>;

  constructor(options: ExpiringRoomsOptions) {
    this.rooms = new ExpiringRooms(options, (address) => new LatestRoom(address));
  }

  /** @returns what is to be delivered. */
  publish(address: string, key: string, payload: Buffer, now: number): BrokerMessage {
    const room = this.rooms.use(address, now);
    const offset = (room.top += 1);
    room.frames.put({ key, offset, payload });
    this.rooms.retain(room, now);
    return { payload, epoch: room.epoch, offset, except: undefined, key };
  }

  read(address: string, range: LatestRange, now: number): LatestPage {
    const position = this.position(address, now);
    return { position, frames: this.rooms.use(address, now).frames.read(range) };
  }

  position(address: string, now: number): Position {
    const { epoch, top, frames } = this.rooms.use(address, now);
    return { epoch, top, oldest: frames.oldest ?? top + 1, ancestors: [] };
  }

  beginEpoch(address: string, survivingTop: number, now: number): void {
    const room = this.rooms.use(address, now);
    room.epoch = newEpoch();
    room.top = Math.min(room.top, survivingTop);
    room.frames.truncate(room.top);
  }

  /** Takes away what has expired: call it before each use. */
  cleanUp(now: number): void {
    this.rooms.expire(now);
  }

  get size(): { readonly rooms: number; readonly retaining: number } {
    return this.rooms.size;
  }
}

/** Tells this process from those before it, whose cursors clients still have. Short, so that a name takes little of a room. */
const EPOCH_PREFIX = randomBytes(6).toString('base64url');
let epochs = 0;

/** A name for an epoch, unlike any other. */
export function newEpoch(): string {
  epochs += 1;
  return EPOCH_PREFIX + epochs.toString(36);
}
