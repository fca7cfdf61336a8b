import { USER_ROOM, isFrameId, parseJson, reservedTypes } from '../protocol/index.js';
import type {
  ErrorFrame,
  HistoryFrame,
  JoinedFrame,
  LeftFrame,
  MessageFrame,
  PresenceFrame,
  SystemFrame,
} from '../protocol/index.js';
import { RealtimeClientError } from './client-error.js';
import type { Timer } from './clock.js';
import type { Emitter } from './emitter.js';
import { createFrameId } from './frame-id.js';
import { Outbox } from './outbox.js';
import type { AnswerFrame, Outgoing, OutboxLink } from './outbox.js';
import type { StoredSend } from './outbox-storage.js';
import { sizeOf } from './queued-send.js';
import type { SendResult } from './queued-send.js';
import { RetryWait } from './retry-wait.js';
import { RoomCursor } from './room-cursor.js';
import type { GapEvent, LeftEvent, RestoredSend } from './room-events.js';

/** How long a question may take, reconnects included. */
const QUESTION_MS = 10_000;

/** What a room is told without having asked. */
export type RoomFrameIn = MessageFrame | SystemFrame | JoinedFrame | LeftFrame | ErrorFrame;

/** What a room sees of the connection. */
export interface RoomLink extends OutboxLink {
  isConnected(): boolean;
  /** Sends a frame before everything that rooms have waiting. Only while connected. */
  control(frame: Outgoing): void;
  /** Sends a frame now, or not at all: says whether it left. */
  volatile(text: string): boolean;
  /** The room was left: its frames go nowhere from now on. */
  forget(session: RoomSession): void;
}

/** Everything that a room tells, by the name under which `room.on` hands it out. */
export type RoomEmitter = Emitter<Record<string, unknown>>;

interface Question extends Outgoing {
  readonly resolve: (frame: HistoryFrame | PresenceFrame) => void;
  readonly reject: (error: RealtimeClientError) => void;
  readonly timer: Timer;
  asked: boolean;
}

/** One room's side of the protocol: joins it on every connection from its own cursor, and what waits to be sent there. */
export class RoomSession {
  members = 0;
  /** `joining`: not a member yet, or not again. */
  status: 'joining' | 'joined' | 'left' = 'joining';
  readonly #cursor = new RoomCursor();
  readonly #outbox: Outbox;
  readonly #questions = new Map<string, Question>();
  #joinRetry = new RetryWait();
  #joinTimer: Timer | undefined;
  #joinSent = false;
  #over: RealtimeClientError | undefined;

  constructor(
    readonly name: string,
    private readonly link: RoomLink,
    private readonly emitter: RoomEmitter,
  ) {
    this.#outbox = new Outbox(
      link,
      () => this.#cursor.offset,
      () => this.#gap(),
    );
  }

  /** Where the room goes on after a cut; `undefined` before it was first joined. */
  get cursor(): string | undefined {
    return this.#cursor.text;
  }

  /** The connection is there: joins, resuming after the last frame that was processed (RC1). */
  connected(): void {
    this.#outbox.connected();
    if (this.name === USER_ROOM) return; // The server joins it by itself, from the cursor in the URL (FR7, HS6).
    const id = createFrameId();
    this.#joinSent = true;
    this.link.expect(id, (frame) => this.#joinAnswered(frame));
    this.link.control({ id, text: JSON.stringify({ type: 'join', id, room: this.name, since: this.cursor }) });
  }

  /** The connection is gone; another may come. */
  lost(): void {
    if (this.status === 'joined') this.status = 'joining';
    this.#joinSent = false;
    this.#joinTimer?.cancel();
  }

  /** No connection will come by itself: nothing waits in vain. */
  end(error: RealtimeClientError): void {
    this.#over = error;
    this.#outbox.end(error);
    for (const id of this.#questions.keys()) this.#question(id)?.reject(error);
  }

  /** A connection is being made again after {@link end}. */
  begin(): void {
    this.#over = undefined;
    this.#outbox.begin();
  }

  /** The next frame that may leave now: questions first, they never wait (OR3). */
  take(): Outgoing | undefined {
    if (this.status !== 'joined') return undefined;
    for (const [id, question] of this.#questions) {
      if (question.asked) continue;
      question.asked = true;
      this.link.expect(id, (frame) => this.#questionAnswered(id, frame));
      return question;
    }
    return this.#outbox.take();
  }

  async send(type: string, payload: unknown, id = createFrameId()): Promise<SendResult> {
    const { name: room } = this;
    check(type, id);
    return this.#outbox.add({ id, room, text: JSON.stringify({ ...bodyOf(payload), type, id, room }) });
  }

  /** Sends without an id: nobody answers, and nothing waits. */
  async sendVolatile(type: string, payload: unknown): Promise<SendResult> {
    check(type);
    const text = JSON.stringify({ ...bodyOf(payload), type, room: this.name });
    const error = this.#over ?? this.#outbox.tooBig(sizeOf(text));
    if (error) throw error;
    return this.status === 'joined' && this.link.volatile(text) ? {} : { dropped: true };
  }

  /** Takes over what the storage kept of this room: it goes before everything that is sent now. */
  restore(sends: readonly StoredSend[]): void {
    for (const send of sends) {
      const result = this.#outbox.add(send);
      result.catch(() => undefined); // Told to whoever takes `result`; that nobody does is no fault.
      const restored: RestoredSend = { id: send.id, frame: parseJson(send.text) as RestoredSend['frame'], result };
      void Promise.resolve().then(() => this.emitter.emit('restored', restored));
    }
  }

  ask(type: string, fields: object): Promise<HistoryFrame | PresenceFrame> {
    const id = createFrameId();
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(this.#over);
      const timer = this.link.clock.after(QUESTION_MS, () =>
        this.#question(id)?.reject(new RealtimeClientError('timeout', `no answer to ${type} within ${QUESTION_MS} ms`)),
      );
      const text = JSON.stringify({ ...fields, type, id, room: this.name });
      this.#questions.set(id, { id, text, resolve, reject, timer, asked: false });
      this.link.ready();
    });
  }

  leave(): Promise<void> {
    if (this.status === 'left') return Promise.resolve();
    // First: whoever hears of it may join again at once, and that has to come after.
    const told = this.link.isConnected() && this.#joinSent ? this.#tellLeaving() : Promise.resolve();
    this.#leave({ reason: 'left' });
    return told;
  }

  #tellLeaving(): Promise<void> {
    const id = createFrameId();
    return new Promise((resolve) => {
      this.link.expect(id, () => resolve()); // Whatever comes, or a lost connection: it is not a member any more.
      this.link.control({ id, text: JSON.stringify({ type: 'leave', id, room: this.name }) });
    });
  }

  /** A frame of this room that answers nothing. */
  receive(frame: RoomFrameIn): void {
    if (frame.type === 'joined') this.#joined(frame as JoinedFrame);
    else if (frame.type === 'left') this.#leave({ reason: (frame as LeftFrame).reason });
    else if (frame.type === 'error') this.emitter.emit('error', frame);
    else if (this.status === 'joined') this.#deliver(frame as MessageFrame | SystemFrame);
  }

  #deliver(frame: MessageFrame | SystemFrame): void {
    if (frame.type === 'system') this.members = (frame as SystemFrame).members;
    else if (!this.#cursor.advance(frame as MessageFrame, this.link.clock.now(), this.link.dedupeTtlMs())) return;
    if (frame.type !== 'gap' && frame.type !== 'restored') this.emitter.emit(frame.type, frame); // Taken: RoomEvents.
  }

  #joinAnswered(frame: AnswerFrame | undefined): void {
    if (this.status === 'left' || !frame) return;
    if (frame.type === 'joined') return this.#joined(frame);
    if (frame.type !== 'error') return;
    const waitMs = this.#joinRetry.after(frame);
    if (waitMs === undefined) this.#leave({ reason: frame.code, message: frame.message });
    else this.#joinTimer = this.link.clock.after(waitMs, () => this.connected());
  }

  #joined(frame: JoinedFrame): void {
    const seen = this.cursor;
    const { offset } = this.#cursor;
    if (this.#cursor.joined(frame)) this.#outbox.epochChanged(offset);
    this.status = 'joined';
    this.members = frame.members;
    this.#joinRetry = new RetryWait();
    this.emitter.emit('joined', frame);
    if (frame.recovered === false) this.#gap(seen);
    this.link.ready();
  }

  #gap(seen = this.cursor): void {
    this.emitter.emit('gap', { room: this.name, seen, cursor: this.cursor ?? '' } satisfies GapEvent);
  }

  #leave(left: Omit<LeftEvent, 'room'>): void {
    this.status = 'left';
    this.#joinTimer?.cancel();
    this.link.forget(this);
    this.end(leftError(this.name, left.message ?? left.reason));
    this.emitter.emit('left', { room: this.name, ...left } satisfies LeftEvent);
  }

  #questionAnswered(id: string, frame: AnswerFrame | undefined): void {
    const question = this.#questions.get(id);
    if (!question) return; // It timed out.
    if (!frame) question.asked = false;
    else if (frame.type === 'error') {
      this.#question(id)?.reject(new RealtimeClientError(frame.code, frame.message, frame.retryMs));
    } else {
      if (frame.type === 'presence') this.members = frame.count;
      this.#question(id)?.resolve(frame as HistoryFrame | PresenceFrame);
    }
  }

  /** Takes a question off the list. */
  #question(id: string): Question | undefined {
    const question = this.#questions.get(id);
    question?.timer.cancel();
    this.#questions.delete(id);
    return question;
  }
}

/** What the server would take for something else, or could not even answer, is refused here. */
function check(type: string, id?: string): void {
  if (reservedTypes.has(type)) throw new TypeError(`expected a type of your own, got ${type}: the protocol has it`);
  if (id !== undefined && !isFrameId(id)) throw new TypeError('expected an id of 1 to 64 characters');
}

function bodyOf(payload: unknown): object {
  if (payload === undefined) return {};
  return typeof payload === 'object' && payload !== null && !Array.isArray(payload) ? payload : { data: payload };
}

function leftError(room: string, why: string): RealtimeClientError {
  return new RealtimeClientError('left', `not a member of ${room} (${why}); join it again with client.room()`);
}
