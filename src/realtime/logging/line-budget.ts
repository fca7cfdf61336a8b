import { RateLimiter } from '../limits/rate-limiter.js';

/** Lines of one kind per second in the long run, and at once: a pod's own clients may all come back within seconds. */
const LINES_PER_SECOND = 100;
const LINES_AT_ONCE = 2_000;

interface Kind {
  readonly limiter: RateLimiter;
  suppressed: number;
}

/** Bounds how many lines of one kind are written, so that a client that floods the server does not flood the log. */
export class LineBudget {
  private readonly kinds = new Map<string, Kind>();

  /** @returns how many lines of this kind were left out since the last one; `undefined`: leave this one out too. */
  take(name: string, now: number): number | undefined {
    let kind = this.kinds.get(name);
    if (!kind) {
      kind = { limiter: new RateLimiter(LINES_PER_SECOND, LINES_AT_ONCE, now), suppressed: 0 };
      this.kinds.set(name, kind);
    }
    if (!kind.limiter.take(now).allowed) {
      kind.suppressed += 1;
      return undefined;
    }
    const { suppressed } = kind;
    kind.suppressed = 0;
    return suppressed;
  }
}
