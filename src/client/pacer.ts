import type { WelcomeFrame } from '../protocol/index.js';

/** Part of the server's rate that the client uses (CL7). */
const RATE_SHARE = 0.9;
/**
 * Part of its burst. Frames that leave evenly may arrive bunched, and what arrives bunched is counted bunched: what left
 * during a second must fit into the server's burst behind a burst of the client's that was held up by that second.
 */
const BURST_SHARE = 0.5;

/** Says when the next frame may leave, so that the server never has to answer `rate_limited`. */
export class Pacer {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  /** Begins full: the server's own bucket is full when a connection begins. */
  constructor(limits: WelcomeFrame['limits'], now: number) {
    this.#perMs = (limits.framesPerSecond * RATE_SHARE) / 1_000; // 0: unlimited, the burst too (FR1).
    this.#burst = Math.max(1, limits.burst * BURST_SHARE);
    this.#tokens = this.#burst;
    this.#filledAt = now;
  }

  /** Milliseconds until a frame may leave; 0: now. */
  waitMs(now: number): number {
    if (this.#perMs === 0) return 0;
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#filledAt) * this.#perMs);
    this.#filledAt = now;
    return this.#tokens >= 1 ? 0 : Math.ceil((1 - this.#tokens) / this.#perMs);
  }

  /** A frame left. */
  spend(): void {
    this.#tokens -= 1;
  }
}
