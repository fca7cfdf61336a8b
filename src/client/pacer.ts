import type { WelcomeFrame } from '../protocol/index.js';
import { createFrameId } from './frame-id.js';

/** Part of the server's rate and burst that the client uses (CL7): clocks of two machines do not run alike. */
const SHARE = 0.9;

/**
 * Says when the next frame may leave, so that the server never has to answer `rate_limited`, however long frames are under
 * way and however bunched they arrive. It keeps the server's bucket as it is at the worst: a frame has its place in it
 * from the moment it leaves, and is taken off it when an answer proves that the server has read it. A connection keeps
 * its order, so every answer proves that for all frames before its own too; a handler that takes long holds up nobody.
 */
export class Pacer {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;
  /** Frames that left, and how many of them the server is known to have read. */
  #sent = 0;
  #read = 0;
  /** How many had left with the frame of an id. */
  readonly #places = new Map<string, number>();
  #question: string | undefined;

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
    const needed = 1 + this.#sent - this.#read;
    if (needed > this.#burst && needed > 1) return Infinity;
    return this.#tokens >= needed ? 0 : Math.ceil((needed - this.#tokens) / this.#perMs);
  }

  /** A frame with an id left. */
  sent(id: string): void {
    if (this.#perMs > 0) this.#places.set(id, ++this.#sent);
  }

  /** An answer came: to a frame, or to {@link question}. */
  answered(id: string, now: number): void {
    const place = this.#places.get(id) ?? 0;
    this.#places.delete(id);
    if (id === this.#question) this.#question = undefined;
    if (place <= this.#read) return;
    this.waitMs(now); // What flowed in until now comes first: above the burst nothing is saved up.
    this.#tokens -= place - this.#read;
    this.#read = place;
  }

  /** A frame without an id left. */
  spend(): void {
    this.#tokens -= 1;
  }

  /** A `ping`, which doesn't count and never waits, for when only an answer helps; `undefined`: one is under way. */
  question(): string | undefined {
    if (this.#question) return undefined;
    const id = createFrameId();
    this.#question = id;
    this.#places.set(id, this.#sent);
    return JSON.stringify({ type: 'ping', id });
  }
}
