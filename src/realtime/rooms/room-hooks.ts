import type { Connection } from '../connection/connection.js';
import type { Room } from './room.js';

/** Called when a connection comes into a room. */
export interface OnJoin {
  /**
   * Runs before `joined` is sent, and for the room of the path before anything of the connection is read; awaited. An
   * exception refuses the join: `error internal`, and 1011 where it is the room of the connection's path.
   */
  onJoin(room: Room, connection: Connection): void | Promise<void>;
}

/** Called when a connection is no longer in a room, whatever the reason. */
export interface OnLeave {
  /**
   * Runs once for each `onJoin` that went well; awaited when the application closes. An exception is logged, and closes
   * the connection with 1011 if it is still there.
   *
   * @param reason `left`, `kicked`, `forbidden`, or `closed` where the connection is gone.
   */
  onLeave(room: Room, connection: Connection, reason: string): void | Promise<void>;
}

/** Called when a room gets its first connection on this pod. */
export interface OnRoomOpen {
  /** Awaited by the first connection, before its `onJoin`; an exception refuses its join. Others do not wait for it. */
  onRoomOpen(room: Room): void | Promise<void>;
}

/** Called when a room has lost its last connection on this pod. */
export interface OnRoomClose {
  /** Runs after the last `onLeave`. An exception is logged. */
  onRoomClose(room: Room): void | Promise<void>;
}

/** The hooks that a gateway has. */
export type RoomHooks = Partial<OnJoin & OnLeave & OnRoomOpen & OnRoomClose>;
