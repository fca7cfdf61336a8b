import type { Clock, Timer } from '../index.js';

interface Task {
  readonly run: () => void;
  readonly everyMs: number | undefined;
  dueAt: number;
  /** Tasks that are due at the same time run in the order in which they were set. */
  order: number;
}

/** Time that stands still until a test moves it. Give it to the module as the option `clock`. */
export class ManualClock implements Clock {
  private readonly tasks = new Set<Task>();
  private time: number;
  private orders = 0;
  /** By how much `now()` is away from the time that has passed. */
  private jumpedMs = 0;

  /** @param startsAt Milliseconds since 1970. Default: now, so that tokens made by the machine's clock are valid. */
  constructor(startsAt: number = Date.now()) {
    this.time = startsAt;
  }

  now(): number {
    return this.time + this.jumpedMs;
  }

  elapsed(): number {
    return this.time;
  }

  /** Sets the clock forward, or back by a negative number: `now()` jumps, no time passes, and no task becomes due. */
  jump(ms: number): void {
    this.jumpedMs += ms;
  }

  after(delayMs: number, run: () => void): Timer {
    return this.add({ run, everyMs: undefined, dueAt: this.time + Math.max(0, delayMs), order: this.nextOrder() });
  }

  every(intervalMs: number, run: () => void): Timer {
    const everyMs = Math.max(1, intervalMs);
    return this.add({ run, everyMs, dueAt: this.time + everyMs, order: this.nextOrder() });
  }

  /** Tasks that wait for their time. */
  get pending(): number {
    return this.tasks.size;
  }

  /**
   * Moves time on and runs what becomes due on the way, in order, each with `now()` at its own time; also what those
   * tasks set themselves. What a task only starts (a promise) goes on after this call, as ever.
   */
  advance(ms: number): void {
    const until = this.time + ms;
    for (let task = this.nextDue(until); task; task = this.nextDue(until)) {
      this.time = Math.max(this.time, task.dueAt);
      if (task.everyMs === undefined) {
        this.tasks.delete(task);
      } else {
        task.dueAt += task.everyMs;
        task.order = this.nextOrder();
      }
      task.run();
    }
    this.time = until;
  }

  private add(task: Task): Timer {
    this.tasks.add(task);
    return { cancel: () => void this.tasks.delete(task) };
  }

  private nextDue(until: number): Task | undefined {
    let first: Task | undefined;
    for (const task of this.tasks) {
      if (task.dueAt > until) continue;
      if (!first || task.dueAt < first.dueAt || (task.dueAt === first.dueAt && task.order < first.order)) first = task;
    }
    return first;
  }

  private nextOrder(): number {
    this.orders += 1;
    return this.orders;
  }
}
