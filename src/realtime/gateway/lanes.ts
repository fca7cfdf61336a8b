/** A piece of work in a lane. It calls `release` when the next one may start; at the latest when it settles. */
export type LaneTask = (release: () => void) => Promise<void>;

/** What a join or leave that has not been worked on yet will make of the membership. */
export type PendingMembership = 'joining' | 'leaving';

interface Lane {
  readonly queue: LaneTask[];
  /** A task runs that has not released. */
  busy: boolean;
  /** The next task may start. */
  free: boolean;
  /** Tasks are being started further up the stack. */
  starting: boolean;
  /** The last join or leave that waits or runs, and when it will have been answered. */
  lastChange: { readonly kind: PendingMembership; readonly answered: Promise<void> } | undefined;
  /** Questions that are being answered: a leave waits for those that came before it (CL3). */
  readonly questions: Set<Promise<void>>;
}

/**
 * Keeps the order of one connection's frames, room by room (OR3): a task starts when the one before it in its lane has
 * settled or released. Lanes of different rooms do not wait for each other.
 */
export class Lanes {
  private readonly lanes = new Map<string, Lane>();
  private count = 0;
  private idle: (() => void)[] = [];

  /** @param onSettled Called each time when a task has ended. */
  constructor(private readonly onSettled: () => void) {}

  /** Tasks that wait or run. */
  get pending(): number {
    return this.count;
  }

  /** Resolves when no task waits or runs. */
  settled(): Promise<void> {
    if (this.count === 0) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  /** Whether a join or leave of the room, or a handler for it, waits or runs. */
  has(room: string): boolean {
    return this.lanes.get(room)?.busy === true;
  }

  /** Adds a task at the end of a room's lane. It must not throw: what it rejects with is lost. */
  add(room: string, task: LaneTask): void {
    const lane = this.laneOf(room);
    this.count += 1;
    lane.queue.push(task);
    if (!lane.busy) this.next(room, lane);
  }

  /** Adds a join or leave, which holds up the lane until it is answered. It must not throw. */
  addChange(room: string, kind: PendingMembership, change: () => Promise<void>): void {
    const lane = this.laneOf(room);
    const before = [...lane.questions];
    let done: () => void = () => undefined;
    const pending = { kind, answered: new Promise<void>((resolve) => (done = resolve)) };
    lane.lastChange = pending;
    this.add(room, async () => {
      try {
        if (kind === 'leaving') await Promise.all(before);
        await change();
      } finally {
        if (lane.lastChange === pending) lane.lastChange = undefined;
        done();
      }
    });
  }

  /**
   * Answers a question about a room beside the lane: it waits for no handler, only for a join that is ahead of it (CL3).
   *
   * @param answer Gets what the last change ahead of it is. It must not throw.
   */
  ask(room: string, answer: (ahead: PendingMembership | undefined) => Promise<void>): void {
    const lane = this.laneOf(room);
    const ahead = lane.lastChange;
    const answered = ahead?.kind === 'joining' ? ahead.answered.then(() => answer(ahead.kind)) : answer(ahead?.kind);
    lane.questions.add(answered);
    void answered.finally(() => {
      lane.questions.delete(answered);
      this.dropIfIdle(room, lane);
    });
  }

  private laneOf(room: string): Lane {
    const found = this.lanes.get(room);
    if (found) return found;
    const lane: Lane = {
      queue: [],
      busy: false,
      free: false,
      starting: false,
      lastChange: undefined,
      questions: new Set(),
    };
    this.lanes.set(room, lane);
    return lane;
  }

  private dropIfIdle(room: string, lane: Lane): void {
    if (!lane.busy && lane.questions.size === 0 && this.lanes.get(room) === lane) this.lanes.delete(room);
  }

  /** The lane may start its next task. A loop, not a recursion: thousands may release at once. */
  private next(room: string, lane: Lane): void {
    lane.free = true;
    if (lane.starting) return;
    lane.starting = true;
    while (lane.free) {
      const task = lane.queue.shift();
      lane.busy = task !== undefined;
      if (!task) break;
      lane.free = false;
      this.start(task, () => this.next(room, lane));
    }
    lane.starting = false;
    this.dropIfIdle(room, lane);
  }

  private start(task: LaneTask, next: () => void): void {
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      next();
    };
    const settled = (): void => {
      this.count -= 1;
      this.onSettled();
      release();
      if (this.count === 0) for (const resolve of this.idle.splice(0)) resolve();
    };
    task(release).then(settled, settled);
  }
}
