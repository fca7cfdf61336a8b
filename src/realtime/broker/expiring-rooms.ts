import { TimedPlace, TimeQueue } from './time-queue.js';

/** The place of a room among those that retain frames: when it was last published into. */
class RetainingPlace<Room> extends TimedPlace {
  constructor(readonly room: Room) {
    super();
  }
}

/**
 * A room of a memory store: what it keeps is cleared after a time, and the room is forgotten after a longer one. Its place
 * among all rooms: when it was last published into or looked at.
 */
export abstract class ExpiringRoom extends TimedPlace {
  /** There is one while it retains frames. */
  retains: RetainingPlace<this> | undefined;

  constructor(readonly address: string) {
    super();
  }

  /** Lets go of its frames; its numbering stays. */
  abstract clear(): void;
}

export interface ExpiringRoomsOptions {
  /** How long a room's frames are kept after its last one. 0: no limit, and no room is forgotten either. */
  readonly historyTtlMs: number;
  /** How long a room that nobody publishes into or looks at keeps its numbering. */
  readonly roomTtlMs: number;
}

/** The rooms of a memory store, without a timer: each use of the store calls {@link expire} first. */
export class ExpiringRooms<Room extends ExpiringRoom> {
  private readonly rooms = new Map<string, Room>();
  private readonly byUse = new TimeQueue<Room>();
  /** Rooms that retain frames, by their last stored publish. */
  private readonly retaining = new TimeQueue<RetainingPlace<Room>>();

  constructor(
    private readonly options: ExpiringRoomsOptions,
    private readonly make: (address: string) => Room,
  ) {}

  get size(): { readonly rooms: number; readonly retaining: number } {
    return { rooms: this.rooms.size, retaining: this.retaining.size };
  }

  find(address: string): Room | undefined {
    return this.rooms.get(address);
  }

  /** The room, a new one where there is none, used at this moment. */
  use(address: string, now: number): Room {
    let room = this.rooms.get(address);
    if (!room) {
      room = this.make(address);
      this.rooms.set(address, room);
    }
    this.byUse.touch(room, now);
    return room;
  }

  /** A frame was stored in it. */
  retain(room: Room, now: number): void {
    room.retains ??= new RetainingPlace(room);
    this.retaining.touch(room.retains, now);
  }

  /** Lets go of a room's frames. */
  clear(room: Room): void {
    if (room.retains) this.retaining.remove(room.retains);
    room.retains = undefined;
    room.clear();
  }

  /** Takes away what has expired. */
  expire(now: number): void {
    const { historyTtlMs, roomTtlMs } = this.options;
    if (historyTtlMs === 0) return;
    const clearUntil = now - historyTtlMs;
    for (let place = this.retaining.takeUntil(clearUntil); place; place = this.retaining.takeUntil(clearUntil)) {
      this.clear(place.room);
    }
    const forgetUntil = now - Math.max(roomTtlMs, historyTtlMs);
    for (let room = this.byUse.takeUntil(forgetUntil); room; room = this.byUse.takeUntil(forgetUntil)) {
      this.clear(room);
      this.rooms.delete(room.address);
    }
  }
}
