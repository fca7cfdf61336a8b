import { RealtimeClientError } from './client-error.js';
import type { Clock } from './clock.js';
import type { StoredSend } from './outbox-storage.js';
import type { RetryWait } from './retry-wait.js';

/** Part of the server's `dedupeTtlMs` in which sending again is safe. */
const SAFE_SHARE = 0.8;

/** What `send` resolves with. */
export interface SendResult {
  /** Position in the room; absent where the handler published nothing that is stored. */
  readonly offset?: number;
  /** What the handler returned, where it wasn't a publish. */
  readonly data?: unknown;
  /** A volatile send that could not leave at once: it was forgotten. */
  readonly dropped?: true;
}

/** What a queued send sees of the connection. */
export interface SendLink {
  readonly clock: Clock;
  dedupeTtlMs(): number;
  /** Who this client last was; `undefined`: never connected, or anonymous (then the server doesn't tell users apart). */
  user(): string | undefined;
}

/** One send from its call to its end: whose it is, since when it is tried, and until when it may go again. */
export class QueuedSend {
  readonly bytes: number;
  readonly result: Promise<SendResult>;
  resolve!: (result: SendResult) => void;
  reject!: (error: RealtimeClientError) => void;
  user: string | undefined;
  /** When it was first sent; `undefined`: never, so nothing of it is known to the server. */
  triedAt: number | undefined;
  underWay = false;
  /** It was under way when a connection was lost: it may have been stored, whatever the next answer says. */
  unsure: boolean;
  /** Where it was stored, as its acknowledgement said. */
  offset?: number;
  retry?: RetryWait;

  constructor(
    readonly send: StoredSend,
    private readonly link: SendLink,
  ) {
    const { text, user, triedAt } = send;
    this.bytes = sizeOf(text);
    this.result = new Promise((...settle) => ([this.resolve, this.reject] = settle));
    this.triedAt = triedAt;
    this.unsure = triedAt !== undefined;
    this.user = user ?? (this.unsure ? undefined : link.user());
  }

  /** How long the server still knows its id for sure; `Infinity` before it was first sent. */
  leftMs(): number {
    return (this.triedAt ?? Infinity) + SAFE_SHARE * this.link.dedupeTtlMs() - this.link.clock.now();
  }

  /** Why it is not sent again: the server may have forgotten its id, and would store it twice. */
  late(): RealtimeClientError | undefined {
    return this.leftMs() <= 0 ? unknownOutcome() : undefined;
  }

  /** Why it is not sent as the user who is connected now. */
  foreign(): RealtimeClientError | undefined {
    const { user, triedAt } = this;
    if (user === this.link.user() || (user ?? triedAt) === undefined) return undefined;
    return new RealtimeClientError('other_user', 'it was sent by another user than the one who is connected now');
  }

  /** Rejects with the error, or, where it may have been stored, with `outcome_unknown`. By default: where it ever left. */
  giveUp(error: RealtimeClientError, mayBeStored = this.triedAt !== undefined): void {
    this.reject(mayBeStored ? unknownOutcome(error) : error);
  }
}

/** Bytes of a text on the wire. */
export function sizeOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

function unknownOutcome(cause?: unknown): RealtimeClientError {
  return new RealtimeClientError(
    'outcome_unknown',
    'no answer in time: it may have arrived; look before sending it anew',
    undefined,
    cause,
  );
}
