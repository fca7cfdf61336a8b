import type { WelcomeFrame } from '../protocol/index.js';

/** Part of the server's rate and burst that the client uses (CL7): clocks of two machines do not run alike. */
const SHARE = 0.9;

/**
 * Says when the next frame may leave, so that the server never has to answer `rate_limited`, however long frames are under
 * way and however bunched they arrive. It keeps the server's bucket as it is at the worst: a frame has its place in it
 * from the moment it leaves, and is taken off it when its answer comes, which is never before the server took it off.
 */
export class Pacer {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;
  #unanswered = 0;

  /** Begins full: the server's own bucket is full when a connection begins. */
  constructor(limits: WelcomeFrame['limits'], now: number) {
    this.#perMs = (limits.framesPerSecond * SHARE) / 1_000; // 0: unlimited, the burst too (FR1).
    this.#burst = Math.max(1, limits.burst * SHARE);
    this.#tokens = this.#burst;
    this.#filledAt = now;
  }

  /** Milliseconds until a frame may leave; 0: now; Infinity: not before an answer comes. */
  waitMs(now: number): number {
    if (this.#perMs === 0) return 0;
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    const needed = 1 + this.#unanswered;
    if (needed > this.#burst) return this.#unanswered === 0 ? 0 : Infinity;
    return this.#tokens >= needed ? 0 : Math.ceil((needed - this.#tokens) / this.#perMs);
  }

  /** A frame left that will be answered. */
  sent(): void {
    this.#unanswered += 1;
  }

  /** An answer came. */
  answered(now: number): void {
    if (this.#unanswered === 0) return;
    this.waitMs(now); // What flowed in until now comes first: above the burst nothing is saved up.
    this.#unanswered -= 1;
    this.#tokens -= 1;
  }

  /** A frame left that nobody answers. */
  spend(): void {
    this.#tokens -= 1;
  }
}
