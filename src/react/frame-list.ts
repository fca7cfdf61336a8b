import { createFrameId } from '../client/index.js';
import type { GapEvent, JoinedFrame, MessageFrame, RealtimeClient, SendResult } from '../client/index.js';
import { enterRoom } from './shared-room.js';
import type { SharedRoom } from './shared-room.js';

/** What {@link FrameList} is a list of. */
export interface FrameListOptions {
  readonly client: RealtimeClient;
  readonly name: string;
  readonly type: string;
  readonly keep: number;
  readonly page: number;
}

/** An own frame that has not come back yet. */
export interface PendingFrame<Payload = unknown> {
  readonly id: string;
  readonly payload: Payload;
  /** `failed`: it waits for `retry` or `discard`; `error` says why. */
  readonly status: 'sending' | 'sent' | 'failed';
  readonly error?: Error;
}

/** What a component renders of the list. A new object for each change, the same one otherwise. */
export interface FrameListView {
  readonly frames: readonly MessageFrame[];
  readonly pending: readonly PendingFrame[];
  readonly gap?: GapEvent;
  readonly hasEarlier: boolean;
  readonly isLoading: boolean;
  readonly error?: Error;
}

export const EMPTY: FrameListView = { frames: [], pending: [], hasEarlier: false, isLoading: false };

/**
 * The frames of one type in one room: the newest page of history and what comes live, by offset, each once. Begins anew
 * with each {@link start}, and where frames were lost. Frames that are not stored stand where they came.
 */
export class FrameList {
  #view = EMPTY;
  #room: SharedRoom | undefined;
  #notify: () => void = () => undefined;
  /** From where earlier frames are loaded; `undefined`: nothing was loaded yet. */
  #earlier: string | undefined;
  /** Counts the beginnings: what was asked for before one is of no use after it. */
  #generation = 0;
  /** What was loaded on demand is not pushed out by what comes. */
  #most: number;

  constructor(private readonly options: FrameListOptions) {
    this.#most = options.keep;
  }

  get view(): FrameListView {
    return this.#view;
  }

  /** Joins the room and fills the list; returns what ends it. For one reader at a time. */
  start(notify: () => void): () => void {
    const room = enterRoom(this.options.client, this.options.name);
    this.#room = room;
    this.#notify = notify;
    this.#begin(undefined);
    const takeRestored = () => {
      for (const { id, frame, result } of room.takeRestored(this.options.type)) void this.#settle(id, frame, result);
    };
    takeRestored();
    const ends = [
      room.on('restored', takeRestored),
      room.on('joined', (frame) => this.#joined(frame as JoinedFrame)),
      room.on('gap', (gap) => this.#begin(gap as GapEvent)),
      room.on(this.options.type, (frame) => this.#came(frame as MessageFrame)),
    ];
    return () => {
      for (const end of ends) end();
      this.#generation += 1;
      this.#room = undefined;
      this.#notify = () => undefined;
      room.exit();
    };
  }

  /** Loads the page before the first frame. What goes wrong is in the view's `error`. */
  async loadEarlier(): Promise<void> {
    if (this.#view.hasEarlier) await this.#load();
  }

  send(payload: unknown): void {
    void this.#send(createFrameId(), payload);
  }

  /** Sends a frame that failed again, under its own id: it is stored once. */
  retry(id: string): void {
    const failed = this.#view.pending.find((frame) => frame.id === id && frame.status === 'failed');
    if (failed) void this.#send(id, failed.payload);
  }

  /** Takes a frame off the list that failed. */
  discard(id: string): void {
    this.#become({ pending: this.#view.pending.filter((frame) => frame.id !== id || frame.status !== 'failed') });
  }

  /** Without `recovered` it is a membership of its own: what was said between two of them is in history alone. */
  #joined({ recovered }: JoinedFrame): void {
    if (this.#earlier === undefined) void this.#load();
    else if (recovered === undefined) this.#begin(undefined);
  }

  #begin(gap: GapEvent | undefined): void {
    this.#generation += 1;
    this.#earlier = undefined;
    this.#most = this.options.keep;
    // Whether they came back was lost with the frames; history shows them.
    const pending = this.#view.pending.filter(({ status }) => status !== 'sent');
    this.#become({ ...EMPTY, pending, gap, error: undefined });
    if (this.#room?.view.status === 'joined') void this.#load();
  }

  /** Goes back page by page until there are frames of this type, for others stand between them. */
  async #load(): Promise<void> {
    if (this.#view.isLoading) return;
    const generation = this.#generation;
    this.#become({ isLoading: true, error: undefined });
    await Promise.resolve(); // StrictMode mounts twice at once: the first one asks nothing.
    const { type, page } = this.options;
    try {
      for (let found = 0, isComplete = false; found === 0 && !isComplete;) {
        const room = this.#room?.room;
        if (generation !== this.#generation || !room) return;
        const answer = await room.history({ before: this.#earlier, limit: page });
        if (generation !== this.#generation) return;
        const frames = answer.frames.filter((frame) => frame.type === type);
        found = frames.length;
        isComplete = answer.complete;
        this.#earlier = answer.cursor;
        this.#add(frames, { hasEarlier: !isComplete });
      }
      this.#most = Math.max(this.#most, this.#view.frames.length);
      this.#become({ isLoading: false });
    } catch (error) {
      if (generation === this.#generation) this.#become({ isLoading: false, error: error as Error });
    }
  }

  #came(frame: MessageFrame): void {
    this.#add([frame], {});
    const { frames, isLoading } = this.#view;
    if (isLoading || frames.length <= this.#most) return;
    const kept = frames.slice(-this.#most);
    const first = kept.find(({ offset }) => offset !== undefined)?.offset;
    // In the present epoch, which a cursor of the room begins with, up to the frame before the first one.
    const cursor = this.#room?.room.cursor?.replace(/\d+$/, String((first ?? 1) - 1));
    if (first !== undefined) this.#earlier = cursor;
    this.#become({ frames: kept, hasEarlier: true });
  }

  #add(added: readonly MessageFrame[], change: Partial<FrameListView>): void {
    const frames = [...this.#view.frames];
    for (const frame of added) place(frames, frame);
    const back = new Set(added.map(({ id }) => id));
    this.#become({ ...change, frames, pending: this.#view.pending.filter(({ id }) => !back.has(id)) });
  }

  #send(id: string, payload: unknown): Promise<void> {
    const { type } = this.options;
    const lost = () => Promise.reject(new Error('expected a mounted component; send in an effect or a handler'));
    return this.#settle(id, payload, this.#room?.room.send(type, payload, { id }) ?? lost());
  }

  /** Shows an own frame until it is back, also one that the page's last life had not sent. */
  async #settle(id: string, payload: unknown, result: Promise<SendResult>): Promise<void> {
    const entry = (status: PendingFrame['status'], error?: Error): PendingFrame => ({ id, payload, status, error });
    const others = this.#view.pending.filter((frame) => frame.id !== id);
    this.#become({ pending: [...others, entry('sending')] });
    try {
      const { offset } = await result;
      // What is not stored under an offset may have no frame that comes back.
      this.#replace(id, offset === undefined ? undefined : entry('sent'));
    } catch (error) {
      this.#replace(id, entry('failed', error as Error));
    }
  }

  /** It may have come back before its answer: then there is nothing to replace. */
  #replace(id: string, entry: PendingFrame | undefined): void {
    const pending = this.#view.pending.flatMap((frame) => (frame.id === id ? (entry ?? []) : frame));
    this.#become({ pending });
  }

  #become(change: Partial<FrameListView>): void {
    this.#view = { ...this.#view, ...change };
    this.#notify();
  }
}

/** Puts a frame where its offset says, unless it is there already. Most come in order, and go to the end. */
function place(frames: MessageFrame[], frame: MessageFrame): void {
  const { offset } = frame;
  if (offset === undefined) return void frames.push(frame);
  const before = frames.findLastIndex((known) => known.offset !== undefined && known.offset <= offset);
  if (frames[before]?.offset === offset) return;
  const isLast = before === frames.findLastIndex((known) => known.offset !== undefined);
  frames.splice(isLast ? frames.length : before + 1, 0, frame);
}
