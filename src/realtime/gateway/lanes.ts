/** A piece of work in a lane. It calls `release` when the next one may start; at the latest when it settles. */
export type LaneTask = (release: () => void) => Promise<void>;

/** What a join or leave that has not been worked on yet will make of the membership. */
export type PendingMembership = 'joining' | 'leaving';

interface Lane {
  readonly queue: LaneTask[];
  busy: boolean;
  /** How many joins and leaves wait or run, and what the last of them is (CL3). */
  changes: number;
  lastChange: PendingMembership | undefined;
  /** Resolves when the join that is being waited for was answered. */
  readonly afterChange: (() => void)[];
}

/**
 * Keeps the order of one connection's frames, room by room (OR3): a task starts when the one before it in its lane has
 * settled or released. Lanes of different rooms do not wait for each other.
 */
export class Lanes {
  private readonly lanes = new Map<string, Lane>();
  private count = 0;

  /** @param onIdle Called each time when a task has ended. */
  constructor(private readonly onSettled: () => void) {}

  /** Tasks that wait or run. */
  get pending(): number {
    return this.count;
  }

  /** What the last join or leave in a lane will make of the membership, if one is still ahead. */
  pendingMembership(room: string): PendingMembership | undefined {
    return this.lanes.get(room)?.lastChange;
  }

  /** Whether work for the room waits or runs. */
  has(room: string): boolean {
    return this.lanes.has(room);
  }

  /** Adds a task at the end of a room's lane. It must not throw: what it rejects with is lost. */
  add(room: string, task: LaneTask): void {
    const lane = this.laneOf(room);
    this.count += 1;
    lane.queue.push(task);
    if (!lane.busy) this.next(room, lane);
  }

  /** Adds a join or leave, which holds up the lane until it is answered. */
  addChange(room: string, kind: PendingMembership, change: () => Promise<void>): void {
    const lane = this.laneOf(room);
    lane.changes += 1;
    lane.lastChange = kind;
    this.add(room, async () => {
      try {
        await change();
      } finally {
        lane.changes -= 1;
        if (lane.changes === 0) {
          lane.lastChange = undefined;
          for (const resolve of lane.afterChange.splice(0)) resolve();
        }
      }
    });
  }

  /** Resolves when no join or leave of the room is ahead. */
  membershipSettled(room: string): Promise<void> {
    const lane = this.lanes.get(room);
    if (!lane || lane.changes === 0) return Promise.resolve();
    return new Promise((resolve) => lane.afterChange.push(resolve));
  }

  private laneOf(room: string): Lane {
    const found = this.lanes.get(room);
    if (found) return found;
    const lane: Lane = { queue: [], busy: false, changes: 0, lastChange: undefined, afterChange: [] };
    this.lanes.set(room, lane);
    return lane;
  }

  private next(room: string, lane: Lane): void {
    const task = lane.queue.shift();
    if (!task) {
      lane.busy = false;
      this.lanes.delete(room);
      return;
    }
    lane.busy = true;
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      this.next(room, lane);
    };
    const settled = (): void => {
      this.count -= 1;
      this.onSettled();
      release();
    };
    task(release).then(settled, settled);
  }
}
