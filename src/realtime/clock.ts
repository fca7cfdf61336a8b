/** A timer that was set and can be taken back. */
export interface Timer {
  cancel(): void;
}

/** Time as Rookery sees it, so that tests move it. Every duration in Rookery is in milliseconds. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since some moment of the past: for durations. It does not jump when the clock is set. */
  elapsed(): number;
  /** Runs the task once, not before `delayMs` have passed. A timer does not keep the process alive. */
  after(delayMs: number, task: () => void): Timer;
  /** Runs the task every `intervalMs` until it is cancelled. A timer does not keep the process alive. */
  every(intervalMs: number, task: () => void): Timer;
}

/** The clock of the machine. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  elapsed(): number {
    return performance.now();
  }

  after(delayMs: number, task: () => void): Timer {
    const timer = setTimeout(task, delayMs).unref();
    return { cancel: () => clearTimeout(timer) };
  }

  every(intervalMs: number, task: () => void): Timer {
    const timer = setInterval(task, intervalMs).unref();
    return { cancel: () => clearInterval(timer) };
  }
}
