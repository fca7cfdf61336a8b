/** A piece of work in a lane. It releases its turn when the next one may start; at the latest when it settles. */
export type LaneTask = (turn: LaneTurn) => Promise<void>;

/** What a join or leave that has not been worked on yet will make of the membership. */
export type PendingMembership = 'joining' | 'leaving';

interface LastChange {
  readonly kind: PendingMembership;
  readonly answered: Promise<void>;
}

/** The frames of one connection to one room. What few of them need is made when it is needed. */
class Lane {
  waiting: LaneTask[] | undefined;
  /** A task runs that has not released. */
  busy = false;
  /** The next task may start. */
  free = false;
  /** Tasks are being started further up the stack. */
  starting = false;
  /** The last join or leave that waits or runs, and when it will have been answered. */
  lastChange: LastChange | undefined;
  /** Questions that are being answered: a leave waits for those that came before it (CL3). */
  questions: Set<Promise<void>> | undefined;

  constructor(readonly room: string) {}

  get idle(): boolean {
    return !this.busy && (this.questions === undefined || this.questions.size === 0);
  }
}

/** Whose lanes they are. */
export interface LanesOwner {
  /** A task has ended. */
  laneSettled(): void;
}

/** A task's turn in its lane. */
export class LaneTurn {
  private released = false;

  /** @internal */
  constructor(
    private readonly lanes: Lanes,
    private readonly lane: Lane,
  ) {}

  /** The next task of the lane may start. Only the first call counts. */
  release(): void {
    if (this.released) return;
    this.released = true;
    this.lanes.next(this.lane);
  }
}

/**
 * Keeps the order of one connection's frames, room by room (OR3): a task starts when the one before it in its lane has
 * settled or released. Lanes of different rooms do not wait for each other.
 *
 * Nearly always one lane is in use at a time, or none: it stands by itself, and a Map is there only while there are others.
 */
export class Lanes {
  private lane: Lane | undefined;
  private others: Map<string, Lane> | undefined;
  private count = 0;
  private idle: (() => void)[] | undefined;

  constructor(private readonly owner: LanesOwner) {}

  /** Tasks that wait or run. */
  get pending(): number {
    return this.count;
  }

  /** Lanes in use. */
  get size(): number {
    return (this.lane ? 1 : 0) + (this.others?.size ?? 0);
  }

  /** Resolves when no task waits or runs. */
  settled(): Promise<void> {
    if (this.count === 0) return Promise.resolve();
    return new Promise((resolve) => (this.idle ??= []).push(resolve));
  }

  /** Whether a join or leave of the room, or a handler for it, waits or runs. */
  has(room: string): boolean {
    return this.find(room)?.busy === true;
  }

  /** Adds a task at the end of a room's lane. It must not throw: what it rejects with is lost. */
  add(room: string, task: LaneTask): void {
    const lane = this.laneOf(room);
    this.count += 1;
    if (lane.busy) (lane.waiting ??= []).push(task);
    else this.run(lane, task);
  }

  /** Adds a join or leave, which holds up the lane until it is answered. It must not throw. */
  addChange(room: string, kind: PendingMembership, change: () => Promise<void>): void {
    const lane = this.laneOf(room);
    const before = [...(lane.questions ?? [])];
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
    const questions = (lane.questions ??= new Set());
    questions.add(answered);
    void answered.finally(() => {
      questions.delete(answered);
      this.dropIfIdle(lane);
    });
  }

  /** The lane may start its next task. A loop, not a recursion: thousands may release at once. @internal */
  next(lane: Lane): void {
    lane.free = true;
    if (lane.starting) return;
    const task = lane.waiting?.shift();
    if (task) return this.run(lane, task);
    lane.busy = false;
    this.dropIfIdle(lane);
  }

  private run(lane: Lane, first: LaneTask): void {
    lane.starting = true;
    let task: LaneTask | undefined = first;
    do {
      lane.busy = true;
      lane.free = false;
      this.start(lane, task);
      if (!lane.free) break;
      task = lane.waiting?.shift();
      lane.busy = task !== undefined;
    } while (task);
    lane.starting = false;
    if (!lane.busy) this.dropIfIdle(lane);
  }

  private start(lane: Lane, task: LaneTask): void {
    const turn = new LaneTurn(this, lane);
    const settled = (): void => {
      this.count -= 1;
      this.owner.laneSettled();
      turn.release();
      if (this.count === 0 && this.idle) this.tellIdle();
    };
    task(turn).then(settled, settled);
  }

  private tellIdle(): void {
    const { idle = [] } = this;
    this.idle = undefined;
    for (const resolve of idle) resolve();
  }

  private find(room: string): Lane | undefined {
    return this.lane?.room === room ? this.lane : this.others?.get(room);
  }

  private laneOf(room: string): Lane {
    const found = this.find(room);
    if (found) return found;
    const lane = new Lane(room);
    if (this.lane) (this.others ??= new Map()).set(room, lane);
    else this.lane = lane;
    return lane;
  }

  private dropIfIdle(lane: Lane): void {
    if (!lane.idle) return;
    if (this.lane === lane) {
      this.lane = undefined;
    } else if (this.others?.get(lane.room) === lane) {
      this.others.delete(lane.room);
      if (this.others.size === 0) this.others = undefined;
    }
  }
}
