import type { ErrorCode } from './error-codes.js';

/** Who a connection is, as frames tell it. */
export interface FrameUser {
  readonly id: string;
  readonly name: string;
}

/** FR1. First frame on a JSON gateway. */
export interface WelcomeFrame {
  readonly type: 'welcome';
  readonly connection: string;
  readonly user: FrameUser;
  /** 0: no heartbeat, and no watchdog. */
  readonly heartbeatMs: number;
  readonly maxFrameBytes: number;
  readonly dedupeTtlMs: number;
  /** 0 in any of them: unlimited. */
  readonly limits: { readonly framesPerSecond: number; readonly burst: number; readonly rooms: number };
  /** Milliseconds since 1970. Absent where the identity does not expire. */
  readonly expiresAt?: number;
}

/** FR2. The connection is in the room; stored frames go on at the cursor's offset + 1. */
export interface JoinedFrame {
  readonly type: 'joined';
  readonly id?: string;
  readonly room: string;
  readonly cursor: string;
  /** Absent where no `since` was given. */
  readonly recovered?: boolean;
  /** Users in the room, over all pods. */
  readonly members: number;
}

/** Why a connection is no longer in a room. */
export type LeftReason = 'left' | 'kicked' | 'forbidden';

/** The connection is out of the room; no frame of it follows (CL3, CN6, AU1). */
export interface LeftFrame {
  readonly type: 'left';
  readonly id?: string;
  readonly room: string;
  readonly reason: LeftReason;
}

/** FR3. What an application published. */
export interface MessageFrame {
  readonly type: string;
  readonly room: string;
  readonly id?: string;
  /** Absent where the frame is not stored (OR2). */
  readonly offset?: number;
  readonly user?: string;
  readonly userId?: string;
  /** ISO 8601, UTC. */
  readonly timestamp: string;
  readonly [field: string]: unknown;
}

/** FR4. Somebody came or went. */
export interface SystemFrame {
  readonly type: 'system';
  readonly event: 'joined' | 'left';
  readonly room: string;
  readonly user: string;
  readonly userId: string;
  readonly members: number;
  readonly text: string;
  readonly timestamp: string;
}

/** FR5. The frame with this id was handled; where it was a publish, the broker has it. */
export interface AckFrame {
  readonly type: 'ack';
  readonly id: string;
  readonly offset?: number;
  readonly data?: unknown;
}

/** FR5. The frame was not handled. */
export interface ErrorFrame {
  readonly type: 'error';
  readonly code: ErrorCode;
  readonly message: string;
  readonly id?: string;
  readonly room?: string;
  readonly retryMs?: number;
}

/** CL4. The answer to `history`. */
export interface HistoryFrame {
  readonly type: 'history';
  readonly id?: string;
  readonly room: string;
  readonly frames: readonly MessageFrame[];
  readonly cursor: string;
  readonly complete: boolean;
}

/** CL4. The answer to `presence`. */
export interface PresenceFrame {
  readonly type: 'presence';
  readonly id?: string;
  readonly room: string;
  readonly count: number;
  readonly users: readonly FrameUser[];
  readonly complete: boolean;
}

/** A frame as a client sent it, after decoding. */
export interface ClientFrame {
  readonly type: string;
  readonly id?: string;
  readonly room?: string;
  /** What a handler gets: the frame without the reserved fields, or `data` of Nest's envelope (CL1). */
  readonly body: unknown;
  /** The `user` that the client wrote: names an anonymous connection (HS9), nothing else. */
  readonly user?: string;
  /** The whole object, for the types of the protocol itself. */
  readonly fields: Readonly<Record<string, unknown>>;
}
