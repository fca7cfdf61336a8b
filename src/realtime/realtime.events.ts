import { EventEmitter } from 'node:events';
import type { ErrorCode } from '../protocol/error-codes.js';

/** A connection as events tell it: never its token. */
export interface ConnectionFacts {
  readonly connection: string;
  readonly namespace: string;
  readonly userId: string;
  readonly ip: string;
  readonly room?: string | undefined;
}

/**
 * How it was noticed that a pod is behind in a room: a message jumped, the subscription was interrupted, the position
 * differed from the broker's (RC4), or a member had seen more on another pod.
 */
export type RepairCause = 'gap' | 'interrupted' | 'position' | 'member';

/** What happened, for logs and metrics. Names are past tense, durations in milliseconds. */
export interface RealtimeEventMap {
  connectionOpened: ConnectionFacts;
  connectionClosed: ConnectionFacts & { code: number; reason: string; durationMs: number };
  handshakeRefused: {
    status: number;
    code: string;
    why: string;
    path: string;
    ip: string;
    origin?: string | undefined;
  };
  roomJoined: ConnectionFacts & { room: string; recovered?: boolean | undefined };
  roomLeft: ConnectionFacts & { room: string; reason: string };
  frameFailed: ConnectionFacts & { type: string; code: ErrorCode; error?: unknown };
  hookFailed: ConnectionFacts & { hook: string; error: unknown };
  /** This pod had missed something of a room, and has read it. `recovered`: its members lost nothing. */
  roomRepaired: { address: string; cause: RepairCause; frames: number; recovered: boolean };
  /** The numbering of a room began anew: Redis lost data, or was replaced by a copy that lacked some. */
  epochBegan: { address: string; epoch: string; before: string; recovered: boolean };
  /** Connections were told `recovered: false`: frames that they had not seen are gone. */
  gapTold: { address: string; connections: number; connection?: string; userId?: string };
  /** A user's pod is gone, and its lease has run out. Told by one pod. */
  presenceReaped: { address: string; userId: string; members: number };
  /** At the start: how frames for many go out. `why`: what there is against the native way. */
  writesChosen: { writes: 'native' | 'socket.write'; why?: string };
  /** All readers together had too much queued: the longest queues went (CN2). */
  buffersCut: { closed: number; queuedBytes: number; limitBytes: number };
  userKicked: { address: string; userId: string; forMs: number };
  userDisconnected: { userId: string; forMs: number };
  /** `scope`: the address of a room, or `*`. */
  userUnbanned: { scope: string; userId: string };
  availabilityChanged: { available: boolean };
  keysFetched: { keys: number };
  /** `kept`: there are keys from before, which stay good. */
  keysFetchFailed: { uri: string; why: string; kept: boolean };
  /** Nothing came any more over a connection to the broker that seemed to live: it is made anew, its rooms are repaired. */
  subscriptionsDied: object;
  /** Somebody with the key called the admin API. `address` and `userId`: whom it was about. */
  adminCalled: {
    method: string;
    action: string;
    status: number;
    code?: string;
    ip: string;
    address?: string;
    userId?: string;
    durationMs: number;
  };
  /** Somebody without the key did. */
  adminRefused: { status: number; code: string; ip: string };
  drainBegan: { connections: number; drainDelayMs: number; drainMs: number };
  /** The delay is over: connections are being closed from now on. */
  drainClosing: { connections: number };
  /** `closed`: connections that were led elsewhere; the others went by themselves. */
  drainEnded: { closed: number; durationMs: number };
  taskFailed: { task: string; error: unknown };
}

/** Where the parts say what happened; logs and metrics listen. A listener that throws can't harm who told it. */
export class RealtimeEvents {
  private readonly emitter = new EventEmitter();

  on<Name extends keyof RealtimeEventMap>(name: Name, listener: (event: RealtimeEventMap[Name]) => void): void {
    this.emitter.on(name, (event: RealtimeEventMap[Name]) => {
      try {
        listener(event);
      } catch (error) {
        if (name !== 'taskFailed') this.emit('taskFailed', { task: `listener of ${name}`, error });
      }
    });
  }

  emit<Name extends keyof RealtimeEventMap>(name: Name, event: RealtimeEventMap[Name]): void {
    this.emitter.emit(name, event);
  }

  /** Lets a task run by itself; its failure is told as `taskFailed`, not lost and not the end of the process. */
  watch(task: string, promise: Promise<unknown>): void {
    promise.catch((error: unknown) => this.emit('taskFailed', { task, error }));
  }
}
