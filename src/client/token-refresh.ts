import { createFrameId } from './frame-id.js';
import type { Clock, Timer } from './clock.js';
import type { AnswerFrame, OutboxLink } from './outbox.js';
import type { TokenSource } from './token-source.js';

/** How long before its end a token is renewed; half its time left where that is less. */
const AHEAD_MS = 60_000;
/** So close to the end nothing is tried any more: the server closes with 4001, and the client comes back. */
const TOO_LATE_MS = 1_000;
/** The longest time that `setTimeout` can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What {@link TokenRefresh} needs. */
export interface TokenRefreshOptions extends Pick<OutboxLink, 'expect'> {
  readonly clock: Clock;
  readonly token: TokenSource;
  send(text: string): void;
}

/**
 * Brings a fresh token on the living connection before the present one ends (AU1), so that nothing is cut. What fails is
 * tried again after half of the time that is left.
 */
export class TokenRefresh {
  #timer: Timer | undefined;

  constructor(private readonly options: TokenRefreshOptions) {}

  /** A token ends at this moment, in milliseconds since 1970; `undefined`: never. */
  until(expiresAt: number | undefined): void {
    this.stop();
    const { clock, token } = this.options;
    if (expiresAt === undefined || !token.canRefresh) return;
    const leftMs = expiresAt - clock.now();
    if (leftMs < TOO_LATE_MS) return;
    const waitMs = Math.max(leftMs / 2, leftMs - AHEAD_MS);
    const timer = clock.after(Math.min(waitMs, LONGEST_TIMER_MS), () => {
      if (waitMs > LONGEST_TIMER_MS) return this.until(expiresAt);
      const isCurrent = (): boolean => this.#timer === timer;
      token.take().then(
        (fresh) => isCurrent() && this.#bring(fresh, expiresAt, isCurrent),
        () => isCurrent() && this.until(expiresAt), // The next try, or at last the reconnect, tells what is wrong.
      );
    });
    this.#timer = timer;
  }

  /** The connection is gone. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #bring(token: string | undefined, expiresAt: number, isCurrent: () => boolean): void {
    if (token === undefined) return this.until(expiresAt);
    const id = createFrameId();
    this.options.expect(id, (frame: AnswerFrame | undefined) => {
      if (!isCurrent()) return;
      if (frame?.type !== 'ack') return this.until(expiresAt);
      this.until((frame.data as { expiresAt?: number } | undefined)?.expiresAt);
    });
    this.options.send(JSON.stringify({ type: 'auth', id, token }));
  }
}
