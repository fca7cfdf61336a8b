import { isTemporary } from '../protocol/index.js';
import type { ErrorFrame } from '../protocol/index.js';

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 10_000;
const INTERNAL_RETRIES = 2;

/** How long one frame waits before it is sent again after an `error`: what the server says, else 1 s doubling to 10 s. */
export class RetryWait {
  #waitMs = FIRST_WAIT_MS;
  #internals = 0;

  /** Milliseconds to wait; `undefined` where the error is final: by its code, or the third `internal`. */
  after(error: ErrorFrame): number | undefined {
    if (!isTemporary(error.code)) return undefined;
    if (error.code === 'internal' && ++this.#internals > INTERNAL_RETRIES) return undefined;
    const waitMs = error.retryMs ?? this.#waitMs;
    this.#waitMs = Math.min(LONGEST_WAIT_MS, this.#waitMs * 2);
    return waitMs;
  }
}
