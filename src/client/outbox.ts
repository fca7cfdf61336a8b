import type { AckFrame, ErrorFrame, HistoryFrame, JoinedFrame, LeftFrame, PresenceFrame } from '../protocol/index.js';
import { RealtimeClientError } from './client-error.js';
import type { Timer } from './clock.js';
import type { OutboxStorage, StoredSend } from './outbox-storage.js';
import { QueuedSend } from './queued-send.js';
import type { SendLink, SendResult } from './queued-send.js';
import { RetryWait } from './retry-wait.js';

/** Frames of one room that may be under way at a time: bounds what a browser buffers for a slow network. */
const FRAMES_UNDER_WAY = 256;

/** What each room keeps of sends that are not acknowledged yet. */
export interface OutboxOptions {
  /** Sends. Default 5,000. 0: no limit. */
  readonly limit?: number;
  /** Bytes of their frames. Default 4 MiB. 0: no limit. */
  readonly maxBytes?: number;
  /**
   * What happens to a send that finds no room. `reject` (default): it rejects with `outbox_full`. `drop-oldest`: the
   * oldest that are not under way make room and reject with `dropped`.
   */
  readonly whenFull?: 'reject' | 'drop-oldest';
  /** Keeps them over a reload: `sessionOutbox()`, or one of your own. Default: they live as long as the page. */
  readonly storage?: OutboxStorage;
}

/** A frame as it leaves. */
export interface Outgoing {
  readonly id: string;
  readonly text: string;
}

/** What answers a frame that carried an id (FR5). */
export type AnswerFrame = AckFrame | ErrorFrame | JoinedFrame | LeftFrame | HistoryFrame | PresenceFrame;

/** What an outbox sees of the connection. */
export interface OutboxLink extends SendLink {
  readonly outbox: OutboxOptions;
  maxFrameBytes(): number;
  /** Says whether an answer to this id is still to come, in whichever room: two frames under one id go one by one. */
  isExpected(id: string): boolean;
  /** Says where the answer to an id goes; called with nothing where the connection is lost before it came. */
  expect(id: string, answer: (frame: AnswerFrame | undefined) => void): void;
  /** There may be something to take. */
  ready(): void;
}

/**
 * The sends of one room, in order, each kept until it is acknowledged. What was under way when a connection was lost
 * goes again on the next one, with the same id: the server stores it once (CL2). A temporary error keeps the frame at
 * its place and holds back those behind it that have not left yet; those that had left already are not called back.
 */
export class Outbox {
  readonly #entries: QueuedSend[] = [];
  /** Acknowledged, and not delivered to this client so far. */
  #unseen: QueuedSend[] = [];
  #bytes = 0;
  #underWay = 0;
  /** After a temporary error: one at a time, until one gets through. */
  #cautious = false;
  #pause: Timer | undefined;
  #expiry: Timer | undefined;
  #ended: RealtimeClientError | undefined;

  /**
   * `seen`: up to which offset this client was given everything. `onLost`: an acknowledged send is gone from the server,
   * and can't be sent again.
   */
  constructor(
    private readonly link: OutboxLink,
    private readonly seen: () => number,
    private readonly onLost: () => void,
  ) {}

  /**
   * Queues a frame. Rejects with `too_big`, `outbox_full`, or what {@link end} said: nothing was sent. An id that waits
   * already is not queued again: both calls get the one result.
   */
  add(send: StoredSend): Promise<SendResult> {
    const same = this.#entries.find((entry) => entry.send.id === send.id);
    if (same) return same.result;
    const entry = new QueuedSend(send, this.link);
    const error = this.#ended ?? this.tooBig(entry.bytes) ?? this.#makeRoom(entry.bytes);
    if (error) {
      this.link.outbox.storage?.remove(send); // Its sender is told, once.
      entry.giveUp(error);
      return entry.result;
    }
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    this.#keep(entry);
    if (entry.unsure) this.#armExpiry();
    this.link.ready();
    return entry.result;
  }

  /** The connection is there: what nobody sent so far is from now on the user's who came. */
  connected(): void {
    for (const entry of this.#entries) {
      if (entry.user !== undefined || entry.triedAt !== undefined) continue;
      entry.user = this.link.user();
      this.#keep(entry);
    }
    this.#armExpiry(); // By this server's time.
  }

  /**
   * The room has a new epoch, and this client was given everything up to `seen` of the one before. A replaced Redis
   * master may have acknowledged what its successor never got, and nobody's cursor shows it: what was acknowledged and
   * not seen goes again, first; where it is stored, its id is known (CL2).
   */
  epochChanged(seen: number): void {
    this.#forgetSeen(seen);
    for (const entry of this.#unseen.reverse()) {
      entry.reject = this.onLost; // Its sender had its answer.
      this.#bytes += entry.bytes;
      this.#entries.unshift(entry);
    }
    this.#unseen = [];
    this.#armExpiry();
  }

  /** The next frame that may leave now. */
  take(): Outgoing | undefined {
    if (this.#pause || this.#underWay >= (this.#cautious ? 1 : FRAMES_UNDER_WAY)) return undefined;
    for (;;) {
      const entry = this.#entries.find((candidate) => !candidate.underWay);
      if (!entry || this.link.isExpected(entry.send.id)) return undefined;
      // Since it was queued the server may have got another limit, the client another user, and the device slept.
      const error = entry.late() ?? this.tooBig(entry.bytes) ?? entry.foreign();
      if (!error) return this.#send(entry);
      this.#remove(entry).giveUp(error);
    }
  }

  /**
   * Takes no more and gives up what waits: what was never sent with this error, what may have arrived as
   * `outcome_unknown`. What is under way is settled by its answer, or by the end of the connection.
   */
  end(error: RealtimeClientError): void {
    this.#ended = error;
    this.#resume();
    for (const entry of this.#entries.filter((candidate) => !candidate.underWay)) this.#remove(entry).giveUp(error);
    this.#armExpiry();
  }

  /** Takes sends again after {@link end}. */
  begin(): void {
    this.#ended = undefined;
  }

  /** Why a frame of this size is not sent at all. */
  tooBig(bytes: number): RealtimeClientError | undefined {
    const most = this.link.maxFrameBytes();
    if (bytes <= most) return undefined;
    return new RealtimeClientError('too_big', `expected a frame of at most ${most} bytes, got ${bytes}; send less`);
  }

  #send(entry: QueuedSend): Outgoing {
    const { id } = entry.send;
    if (entry.triedAt === undefined) {
      entry.triedAt = this.link.clock.now();
      entry.user = this.link.user();
      this.#keep(entry);
    }
    entry.underWay = true;
    this.#underWay += 1;
    this.link.expect(id, (frame) => this.#answered(entry, frame));
    if (!this.#expiry) this.#armExpiry();
    return entry.send;
  }

  #answered(entry: QueuedSend, frame: AnswerFrame | undefined): void {
    if (!this.#entries.includes(entry)) return; // Given up before the answer came.
    entry.underWay = false;
    this.#underWay -= 1;
    if (!frame) return this.#lost(entry);
    if (frame.type === 'error') {
      entry.retry ??= new RetryWait();
      const waitMs = entry.retry.after(frame);
      if (waitMs !== undefined && !this.#ended) this.#wait(waitMs);
      else this.#remove(entry).giveUp(new RealtimeClientError(frame.code, frame.message, frame.retryMs), entry.unsure);
    } else {
      this.#cautious = false;
      const { offset, data } = frame as AckFrame;
      this.#remove(entry).resolve({ offset, data });
      entry.offset = offset;
      this.#unseen.push(entry);
      this.#forgetSeen(this.seen());
    }
    this.link.ready();
  }

  #forgetSeen(seen: number): void {
    this.#unseen = this.#unseen.filter(({ offset = 0 }) => offset > seen);
  }

  /** The connection is gone: the next one begins with what was under way, without the old one's pause. */
  #lost(entry: QueuedSend): void {
    this.#cautious = false;
    entry.unsure = true;
    this.#resume();
    if (this.#ended) this.#remove(entry).giveUp(this.#ended);
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

  #keep({ send, user, triedAt }: QueuedSend): void {
    this.link.outbox.storage?.put({ ...send, user, triedAt });
  }

  #remove(entry: QueuedSend): QueuedSend {
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    this.#bytes -= entry.bytes;
    if (entry.underWay) this.#underWay -= 1;
    this.link.outbox.storage?.remove(entry.send);
    return entry;
  }

  /** Entries leave in order, so the first one that was tried is the first one to be given up. */
  #armExpiry(): void {
    this.#expiry?.cancel();
    this.#expiry = undefined;
    const oldest = this.#entries.find((entry) => entry.triedAt !== undefined);
    if (!oldest) return;
    const late = oldest.late();
    if (!late) {
      this.#expiry = this.link.clock.after(oldest.leftMs(), () => this.#armExpiry());
    } else {
      this.#remove(oldest).giveUp(late);
      this.link.ready();
      this.#armExpiry();
    }
  }

  /** Sees to it that so many bytes fit in; `undefined`: they do. */
  #makeRoom(bytes: number): RealtimeClientError | undefined {
    const { limit = 5_000, maxBytes = 4_194_304, whenFull } = this.link.outbox;
    const fits = (): boolean =>
      (limit === 0 || this.#entries.length < limit) && (maxBytes === 0 || this.#bytes + bytes <= maxBytes);
    while (!fits()) {
      const oldest = this.#entries.find((entry) => !entry.underWay);
      if (whenFull !== 'drop-oldest' || !oldest || (maxBytes > 0 && bytes > maxBytes)) {
        return new RealtimeClientError(
          'outbox_full',
          `${this.#entries.length} sends of ${this.#bytes} bytes wait already; wait for some of them, then send again`,
        );
      }
      this.#remove(oldest).giveUp(new RealtimeClientError('dropped', 'newer sends took its place, as whenFull says'));
    }
    return undefined;
  }
}
