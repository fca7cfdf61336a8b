/** What becomes of one frame. */
export type RateVerdict =
  { readonly allowed: true } | { readonly allowed: false; readonly retryMs: number; readonly sustained: boolean };

const ALLOWED: RateVerdict = { allowed: true };
/** How long an excess may last before the connection is closed (CL7). */
const SUSTAINED_MS = 10_000;
/** A pause this long between two refused frames ends an excess. */
const QUIET_MS = 1_000;

/** A token bucket for the frames of one connection (CL7): `burst` at once, `perSecond` from then on. */
export class RateLimiter {
  private tokens: number;
  private refilledAt: number;
  private excessSince = 0;
  private refusedAt = -Infinity;

  constructor(
    private readonly perSecond: number,
    burst: number,
    now: number,
    private readonly capacity = Math.max(1, burst),
  ) {
    this.tokens = this.capacity;
    this.refilledAt = now;
  }

  /**
   * Takes one frame's worth even where there is none: the debt is paid before the next one is read.
   *
   * @returns how many milliseconds that takes; 0: the next one may come.
   */
  borrow(now: number): number {
    if (this.perSecond === 0) return 0;
    this.refill(now);
    this.tokens -= 1;
    return this.tokens >= 0 ? 0 : Math.ceil((-this.tokens * 1000) / this.perSecond);
  }

  /** Takes one frame's worth, or says when to come back. `perSecond` 0 lets everything through. */
  take(now: number): RateVerdict {
    if (this.perSecond === 0) return ALLOWED;
    this.refill(now);
    if (this.tokens >= 1) {
      this.tokens -= 1;
      return ALLOWED;
    }
    if (now - this.refusedAt > QUIET_MS) this.excessSince = now;
    this.refusedAt = now;
    return {
      allowed: false,
      retryMs: Math.ceil(((1 - this.tokens) * 1000) / this.perSecond),
      sustained: now - this.excessSince >= SUSTAINED_MS,
    };
  }

  private refill(now: number): void {
    const elapsedMs = Math.max(0, now - this.refilledAt);
    this.tokens = Math.min(this.capacity, this.tokens + (elapsedMs * this.perSecond) / 1000);
    this.refilledAt = now;
  }
}
