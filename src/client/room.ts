import type { HistoryFrame, MessageFrame, PresenceFrame } from '../protocol/index.js';
import type { SendResult } from './queued-send.js';
import type { RoomEvents } from './room-events.js';
import type { RoomEmitter, RoomSession } from './room-session.js';

/** The payloads of a room's frames by their type. The default lets every type through, its fields unknown. */
export type PayloadMap = Record<string, unknown>;

/** A frame as the application sees it: the server's fields and those of its payload. */
export type RoomFrame<Payload> = MessageFrame & (unknown extends Payload ? unknown : Payload);

/** What a handler of a name gets. */
export type RoomEvent<Payloads, Name extends PropertyKey> = Name extends keyof RoomEvents
  ? RoomEvents[Name]
  : Name extends keyof Payloads
    ? RoomFrame<Payloads[Name]>
    : never;

/** How a frame is sent. */
export interface SendOptions {
  /**
   * The frame's id, where the application wants to know it: its own frame comes back with it. Sent again under the same
   * id within the server's `dedupeTtlMs`, a frame is stored once. Default: a fresh UUID, see `createFrameId`.
   */
  readonly id?: string;
}

/** How a frame is sent that only matters now: typing, a cursor's place. */
export interface VolatileOptions {
  /** It leaves at once or never, carries no id, is not acknowledged and not sent again. */
  readonly volatile: true;
}

/** Which stretch of history to load: the newest frames where neither cursor is given. */
export interface HistoryRange {
  /** Down from this cursor, its own frame included. */
  readonly before?: string;
  /** Up from the frame after this cursor. */
  readonly since?: string;
  /** Default 50, at most 100. */
  readonly limit?: number;
}

/**
 * A room as one client sees it. It is joined as soon as there is a connection, and again after each cut, from the last
 * frame that was processed: every stored frame reaches the handlers once and in order.
 */
export class ClientRoom<Payloads extends object = PayloadMap> {
  /** @internal Made by `client.room()`. */
  constructor(
    private readonly session: RoomSession,
    private readonly emitter: RoomEmitter,
  ) {}

  get name(): string {
    return this.session.name;
  }

  /** `joining` until there is a connection and the server let it in, and again after a cut. */
  get status(): 'joining' | 'joined' | 'left' {
    return this.session.status;
  }

  /** Users in the room, as the server last said. Rooms above the server's `announceUpTo` say it when joining only. */
  get members(): number {
    return this.session.members;
  }

  /** After which frame the room goes on; `undefined` before it was first joined. */
  get cursor(): string | undefined {
    return this.session.cursor;
  }

  /** Calls the handler for each frame of a type, or for one of the {@link RoomEvents}. Returns what ends it. */
  on<Name extends keyof RoomEvents | (keyof Payloads & string)>(
    name: Name,
    handler: (event: RoomEvent<Payloads, Name>) => void,
  ): () => void {
    return this.emitter.on(name, handler as (event: unknown) => void);
  }

  /**
   * Sends a frame and resolves when the server has it. It waits for a connection, is sent again until it is
   * acknowledged, and is stored once. Sends leave in the order of their calls. A volatile one overtakes those that wait,
   * or resolves with `dropped` where it could not leave at once.
   *
   * @throws RealtimeClientError with the server's final code, or `too_big`, `outbox_full`, `dropped`, `other_user`,
   * `left`, `disconnected` (nothing was stored), or `outcome_unknown` (no answer within 80 % of the time in which the
   * server knows the id).
   */
  send<Type extends keyof Payloads & string>(
    type: Type,
    payload: Payloads[Type],
    options: SendOptions | VolatileOptions = {},
  ): Promise<SendResult> {
    if ('volatile' in options) return this.session.sendVolatile(type, payload);
    return this.session.send(type, payload, options.id);
  }

  /**
   * Loads frames that are kept, ascending. Frames that were delivered may be among them: compare offsets.
   *
   * @throws RealtimeClientError `not_found` (no such cursor), `left`, `disconnected`, `timeout`: asking again is safe.
   */
  history(range: HistoryRange = {}): Promise<HistoryFrame> {
    return this.session.ask('history', range) as Promise<HistoryFrame>;
  }

  /**
   * Who is there: at most 100 users at a time, `after` the last one of the page before.
   *
   * @throws RealtimeClientError as {@link history}.
   */
  presence(page: { readonly after?: string } = {}): Promise<PresenceFrame> {
    return this.session.ask('presence', page) as Promise<PresenceFrame>;
  }

  /** Leaves for good. Sends that have not left yet reject with `left`; `client.room()` joins anew. */
  leave(): Promise<void> {
    return this.session.leave();
  }
}
