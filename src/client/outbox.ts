import type { AckFrame, ErrorFrame, HistoryFrame, JoinedFrame, LeftFrame, PresenceFrame } from '../protocol/index.js';
import { RealtimeClientError } from './client-error.js';
import type { Clock, Timer } from './clock.js';
import { RetryWait } from './retry-wait.js';

/** Frames of one room that may be under way at a time: bounds what a browser buffers for a slow network. */
const FRAMES_UNDER_WAY = 256;
/** Part of the server's `dedupeTtlMs` in which sending again is safe. */
const SAFE_SHARE = 0.8;

/** What `send` resolves with. */
export interface SendResult {
  /** Position in the room; absent where the handler published nothing that is stored. */
  readonly offset?: number;
  /** What the handler returned, where it wasn't a publish. */
  readonly data?: unknown;
}

/** What answers a frame that carried an id (FR5). */
export type AnswerFrame = AckFrame | ErrorFrame | JoinedFrame | LeftFrame | HistoryFrame | PresenceFrame;

/** What an outbox sees of the connection. */
export interface OutboxLink {
  readonly clock: Clock;
  /** Sends that are kept until they are acknowledged. */
  readonly outboxLimit: number;
  maxFrameBytes(): number;
  dedupeTtlMs(): number;
  /** Says where the answer to an id goes; called with nothing where the connection is lost before it came. */
  expect(id: string, answer: (frame: AnswerFrame | undefined) => void): void;
  /** There may be something to take. */
  ready(): void;
}

interface Entry {
  readonly id: string;
  readonly text: string;
  readonly bytes: number;
  readonly resolve: (result: SendResult) => void;
  readonly reject: (error: RealtimeClientError) => void;
  /** When it was first sent; `undefined`: never, so nothing of it is known to the server. */
  triedAt?: number;
  underWay: boolean;
  retry?: RetryWait;
}

/**
 * The sends of one room, in order, each kept until it is acknowledged. What was under way when a connection was lost
 * goes again on the next one, with the same id: the server stores it once (CL2). A temporary error keeps the frame at
 * its place and holds back those behind it that have not left yet; those that had left already are not called back.
 */
export class Outbox {
  readonly #entries: Entry[] = [];
  #underWay = 0;
  /** After a temporary error: one at a time, until one gets through. */
  #cautious = false;
  #pause: Timer | undefined;
  #expiry: Timer | undefined;
  #ended: RealtimeClientError | undefined;

  constructor(private readonly link: OutboxLink) {}

  /** Queues a frame. Rejects with `too_big`, `outbox_full`, or what {@link end} said: nothing was sent. */
  add(id: string, text: string): Promise<SendResult> {
    const bytes = new TextEncoder().encode(text).length;
    return new Promise((resolve, reject) => {
      const entry: Entry = { id, text, bytes, resolve, reject, underWay: false };
      const error = this.#ended ?? this.#tooBig(entry) ?? this.#full();
      if (error) return reject(error);
      this.#entries.push(entry);
      this.link.ready();
    });
  }

  /** The next frame that may leave now. */
  take(): string | undefined {
    if (this.#pause || this.#underWay >= (this.#cautious ? 1 : FRAMES_UNDER_WAY)) return undefined;
    for (;;) {
      const entry = this.#entries.find((candidate) => !candidate.underWay);
      if (!entry) return undefined;
      const tooBig = this.#tooBig(entry);
      if (!tooBig) return this.#send(entry);
      this.#remove(entry)?.reject(tooBig); // Another server may have another limit than the one it was queued under.
    }
  }

  /**
   * Takes no more and gives up what waits: what was never sent with this error, what may have arrived as
   * `outcome_unknown`. What is under way is settled by its answer, or by the end of the connection.
   */
  end(error: RealtimeClientError): void {
    this.#ended = error;
    this.#resume();
    for (const entry of this.#entries.filter((candidate) => !candidate.underWay)) {
      this.#remove(entry)?.reject(entry.triedAt === undefined ? error : unknownOutcome());
    }
    this.#armExpiry();
  }

  /** Takes sends again after {@link end}. */
  begin(): void {
    this.#ended = undefined;
  }

  #send(entry: Entry): string {
    entry.triedAt ??= this.link.clock.now();
    entry.underWay = true;
    this.#underWay += 1;
    this.link.expect(entry.id, (frame) => this.#answered(entry, frame));
    if (!this.#expiry) this.#armExpiry();
    return entry.text;
  }

  #answered(entry: Entry, frame: AnswerFrame | undefined): void {
    if (!this.#entries.includes(entry)) return; // Given up before the answer came.
    entry.underWay = false;
    this.#underWay -= 1;
    if (!frame) return this.#lost(entry);
    if (frame.type === 'ack') {
      this.#cautious = false;
      this.#remove(entry)?.resolve({ offset: frame.offset, data: frame.data });
    } else if (frame.type === 'error') {
      entry.retry ??= new RetryWait();
      const waitMs = entry.retry.after(frame);
      if (waitMs === undefined || this.#ended)
        this.#remove(entry)?.reject(new RealtimeClientError(frame.code, frame.message, frame.retryMs));
      else this.#wait(waitMs);
    }
    this.link.ready();
  }

  /** The connection is gone: the next one begins with what was under way, without the old one's pause. */
  #lost(entry: Entry): void {
    this.#cautious = false;
    this.#resume();
    if (this.#ended) this.#remove(entry)?.reject(unknownOutcome());
  }

  #wait(waitMs: number): void {
    this.#cautious = true;
    this.#resume();
    this.#pause = this.link.clock.after(waitMs, () => {
      this.#resume();
      this.link.ready();
    });
  }

  #resume(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
  }

  #remove(entry: Entry): Entry | undefined {
    const index = this.#entries.indexOf(entry);
    if (entry.underWay) this.#underWay -= 1;
    return this.#entries.splice(index, 1)[0];
  }

  /** Entries leave in order, so the first one that was tried is the first one to be given up. */
  #armExpiry(): void {
    this.#expiry?.cancel();
    this.#expiry = undefined;
    const oldest = this.#entries.find((entry) => entry.triedAt !== undefined);
    if (oldest?.triedAt === undefined) return;
    const leftMs = oldest.triedAt + SAFE_SHARE * this.link.dedupeTtlMs() - this.link.clock.now();
    if (leftMs > 0) {
      this.#expiry = this.link.clock.after(leftMs, () => this.#armExpiry());
    } else {
      this.#remove(oldest)?.reject(unknownOutcome());
      this.link.ready();
      this.#armExpiry();
    }
  }

  #tooBig({ bytes }: Entry): RealtimeClientError | undefined {
    const most = this.link.maxFrameBytes();
    if (bytes <= most) return undefined;
    return new RealtimeClientError('too_big', `expected a frame of at most ${most} bytes, got ${bytes}; send less`);
  }

  #full(): RealtimeClientError | undefined {
    const { outboxLimit: limit } = this.link;
    if (this.#entries.length < limit) return undefined;
    return new RealtimeClientError(
      'outbox_full',
      `${limit} sends wait already; wait for some of them, then send again`,
    );
  }
}

function unknownOutcome(): RealtimeClientError {
  return new RealtimeClientError(
    'outcome_unknown',
    'no answer in time: it may have arrived; look before sending it anew',
  );
}
