const TICK_MS = 50;
/** For how long a delay counts as the present state, at least. */
const WINDOW_MS = 1_000;

/**
 * How far behind the event loop of this process is: the longest delay of the last one to two seconds. By a timer of its
 * own, which runs before whatever came in during a delay: `monitorEventLoopDelay` loses the delay in which it is reset.
 */
export class LoopLag {
  private readonly timer: NodeJS.Timeout;
  private tickedAt = performance.now();
  private windowEndsAt = this.tickedAt + WINDOW_MS;
  private nowMs = 0;
  private beforeMs = 0;

  constructor() {
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.timer.unref();
  }

  /** Milliseconds. */
  get ms(): number {
    return Math.max(this.beforeMs, this.nowMs);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    const now = performance.now();
    if (now >= this.windowEndsAt) {
      this.beforeMs = this.nowMs;
      this.nowMs = 0;
      this.windowEndsAt = now + WINDOW_MS;
    }
    this.nowMs = Math.max(this.nowMs, now - this.tickedAt - TICK_MS);
    this.tickedAt = now;
  }
}
