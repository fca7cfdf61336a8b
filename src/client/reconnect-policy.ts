import { comeBackAfter, parseCloseReason } from '../protocol/index.js';

const SHORTEST_WAIT_MS = 250;
const FIRST_SPREAD_MS = 1_000;
const LONGEST_SPREAD_MS = 30_000;

/** How long to stay away. */
export interface ComebackWait {
  readonly waitMs: number;
  /** What `online`, visibility and wake-up may shorten it to. */
  readonly leastMs: number;
}

/** Decides whether and when the client comes back after a close, by the close-code table, CC1 and CC2. */
export class ReconnectPolicy {
  #attempt = 0;
  #refused = false;

  /** `random` as `Math.random`. */
  constructor(private readonly random: () => number) {}

  /** The wait before the next attempt; `undefined`: stay away. `canRefresh`: a fresh token can be had. */
  after(code: number, reason: string, canRefresh: boolean): ComebackWait | undefined {
    const comeBack = comeBackAfter(code, reason);
    if (comeBack === 'no') return undefined;
    if (comeBack !== 'yes' && !canRefresh) return undefined;
    if (comeBack === 'once-with-fresh-token') {
      if (this.#refused) return undefined;
      this.#refused = true;
    }
    const leastMs = Math.max(SHORTEST_WAIT_MS, parseCloseReason(reason).retryMs ?? 0);
    const spreadMs = Math.min(LONGEST_SPREAD_MS, FIRST_SPREAD_MS * 2 ** this.#attempt++);
    return { leastMs, waitMs: Math.max(leastMs, SHORTEST_WAIT_MS + this.random() * spreadMs) };
  }

  /** The connection has lasted: the next wait is a first one again. */
  reset(): void {
    this.#attempt = 0;
    this.#refused = false;
  }
}
