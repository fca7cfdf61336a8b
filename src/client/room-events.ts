import type { ErrorCode, ErrorFrame, JoinedFrame, LeftReason, SystemFrame } from '../protocol/index.js';
import type { SendResult } from './queued-send.js';

/** Frames were lost: what lies between what was seen and `cursor` is not sent by itself (RC2). */
export interface GapEvent {
  readonly room: string;
  /** Where this client was. */
  readonly seen: string | undefined;
  /** After it the frames go on. What is still kept of those before: `room.history({ before: cursor })`. */
  readonly cursor: string;
}

/** This client is not in the room any more, and does not come back by itself. */
export interface LeftEvent {
  readonly room: string;
  /** Why: `left` by itself, put out by the server, or the code with which joining was refused. */
  readonly reason: LeftReason | ErrorCode;
  readonly message?: string;
}

/** A send of the page's last life, taken from the storage of the outbox: it is sent again under its id. */
export interface RestoredSend {
  readonly id: string;
  /** The frame as it was sent: its type and its payload's fields. */
  readonly frame: { readonly type: string; readonly [field: string]: unknown };
  /** Settles as the `send` of that time would have. */
  readonly result: Promise<SendResult>;
}

/** What a room tells beside the application's frames. `gap` and `restored` are taken: no application's frame can be called so. */
export interface RoomEvents {
  /** A member, from the beginning, again after a cut, or anew in a new epoch. */
  joined: JoinedFrame;
  left: LeftEvent;
  gap: GapEvent;
  /** Told once for each, after the handlers of the turn that opened the room were added. */
  restored: RestoredSend;
  /** Somebody came or went. */
  system: SystemFrame;
  /** An error in this room that answers no call. */
  error: ErrorFrame;
}
