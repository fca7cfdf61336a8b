import type { ErrorCode, ErrorFrame, JoinedFrame, LeftReason, SystemFrame } from '../protocol/index.js';

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

/** What a room tells beside the application's frames. `gap` is taken: an application's frame can't be called so. */
export interface RoomEvents {
  /** A member, from the beginning, again after a cut, or anew in a new epoch. */
  joined: JoinedFrame;
  left: LeftEvent;
  gap: GapEvent;
  /** Somebody came or went. */
  system: SystemFrame;
  /** An error in this room that answers no call. */
  error: ErrorFrame;
}
