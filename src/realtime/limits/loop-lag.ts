import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { IntervalHistogram } from 'node:perf_hooks';

/** How late timers are looked at, and for how long a delay counts as the present state. */
const RESOLUTION_MS = 20;
const WINDOW_MS = 1_000;

/** How far behind the event loop of this process is: the longest delay of the last one to two seconds. */
export class LoopLag {
  private readonly histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  private readonly timer: NodeJS.Timeout;
  private beforeMs = 0;

  constructor() {
    this.histogram.enable();
    this.timer = setInterval(() => {
      this.beforeMs = this.windowMs();
      this.histogram.reset();
    }, WINDOW_MS);
    this.timer.unref();
  }

  /** Milliseconds. */
  get ms(): number {
    return Math.max(this.beforeMs, this.windowMs());
  }

  stop(): void {
    clearInterval(this.timer);
    this.histogram.disable();
  }

  /** The histogram counts the wait that it asked for too. */
  private windowMs(): number {
    return this.histogram.count === 0 ? 0 : Math.max(0, this.histogram.max / 1e6 - RESOLUTION_MS);
  }
}
