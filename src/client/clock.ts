/** A timer that was set and can be taken back. */
export interface Timer {
  cancel(): void;
}

/** Time as the client sees it, so that tests move it. Every duration is in milliseconds. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs the task once, not before `delayMs` have passed. */
  after(delayMs: number, task: () => void): Timer;
}

/** The longest that `setTimeout` can wait; with more it would not wait at all. */
const LONGEST_MS = 2 ** 31 - 1;

/** The clock of the machine. In Node a pending timer keeps the process alive: it is about to reconnect. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, Math.min(delayMs, LONGEST_MS));
    return { cancel: () => clearTimeout(timer) };
  },
};
