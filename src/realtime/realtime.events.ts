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
  roomRepaired: { address: string; frames: number; recovered: boolean };
  availabilityChanged: { available: boolean };
  keysFetched: { keys: number };
  /** `kept`: there are keys from before, which stay good. */
  keysFetchFailed: { uri: string; why: string; kept: boolean };
  /** Nothing came any more over a connection to the broker that seemed to live: it is made anew, its rooms are repaired. */
  subscriptionsDied: object;
  drainBegan: { connections: number; drainDelayMs: number; drainMs: number };
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
