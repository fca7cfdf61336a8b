import type { Clock } from '../clock.js';
import type { RealtimeEvents, RepairCause } from '../realtime.events.js';
import type { Address } from './address.js';

/** What one page of a repair came to. */
export interface RepairStep {
  readonly frames: number;
  /** Nobody lost anything. */
  readonly recovered: boolean;
  /** There was nothing more at that moment. */
  readonly complete: boolean;
}

/** A room that is behind. */
export interface RepairableRoom {
  readonly at: Address;
  readonly closed: boolean;
  /** Reads what comes next after what its members have, and delivers it. When that is complete, the room is live. */
  catchUp(): Promise<RepairStep>;
}

export interface RoomRepairParts {
  readonly clock: Clock;
  readonly events: RealtimeEvents;
}

/** The room was closed while it read. */
export const NOTHING_MORE: RepairStep = { frames: 0, recovered: true, complete: true };

/** How much is read at a time. */
export const REPAIR_PAGE = { limit: 1_000, maxBytes: 1_048_576 };
const REPAIR_RETRY_MS = 500;

/** A repair of a room: takes it further page by page, until nothing is missing. A page that can't be read is tried again. */
export class RoomRepair {
  /** Resolves when the room is live again, or closed. */
  readonly done: Promise<void>;
  private endPause: (() => void) | undefined;

  constructor(
    private readonly room: RepairableRoom,
    private readonly parts: RoomRepairParts,
    cause: RepairCause,
  ) {
    this.done = this.run(cause);
  }

  /** The room was closed: a repair that waits sees that it is over. */
  wake(): void {
    this.endPause?.();
  }

  private async run(cause: RepairCause): Promise<void> {
    const { room, parts } = this;
    let frames = 0;
    let recovered = true;
    let over = false;
    while (!over) {
      try {
        const step = await room.catchUp();
        if (room.closed) return;
        recovered = step.recovered && recovered;
        frames += step.frames;
        over = step.complete;
      } catch (error) {
        parts.events.emit('taskFailed', { task: `repair of ${room.at.address}`, error });
        await this.pause();
        over = room.closed;
      }
    }
    parts.events.emit('roomRepaired', { address: room.at.address, cause, frames, recovered });
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.parts.clock.after(REPAIR_RETRY_MS, resolve);
      this.endPause = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
