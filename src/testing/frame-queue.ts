import type {
  AckFrame,
  ErrorFrame,
  HistoryFrame,
  JoinedFrame,
  LeftFrame,
  MessageFrame,
  PresenceFrame,
  SystemFrame,
  WelcomeFrame,
} from '../protocol/index.js';

/** The frames of the protocol by their types; every other type is an application's. */
export interface FrameTypes {
  welcome: WelcomeFrame;
  joined: JoinedFrame;
  left: LeftFrame;
  system: SystemFrame;
  ack: AckFrame;
  error: ErrorFrame;
  history: HistoryFrame;
  presence: PresenceFrame;
}

/** What `next(type)` gives. */
export type FrameOf<Type extends string> = Type extends keyof FrameTypes ? FrameTypes[Type] : MessageFrame;

/** Any frame that came. Which fields it has, its type says. */
export interface AnyFrame {
  readonly type: string;
  readonly id?: string;
  readonly room?: string;
  readonly offset?: number;
  readonly cursor?: string;
  readonly code?: string;
  readonly [field: string]: unknown;
}

/** A text message as it came, and the frame that it is, if it is one. */
export interface Received {
  readonly text: string;
  readonly frame: AnyFrame | undefined;
}

interface Waiter {
  readonly match: (received: Received) => boolean;
  readonly resolve: (received: Received) => void;
  readonly reject: (error: Error) => void;
}

/** What came and was not taken yet, and who waits for what. */
export class FrameQueue {
  /** Everything that ever came, in order. */
  readonly log: Received[] = [];
  private readonly queue: Received[] = [];
  private readonly waiters = new Set<Waiter>();

  push(received: Received): void {
    this.log.push(received);
    for (const waiter of this.waiters) {
      if (!waiter.match(received)) continue;
      this.waiters.delete(waiter);
      waiter.resolve(received);
      return;
    }
    this.queue.push(received);
  }

  /** Takes the first that matches; what stands before it stays. */
  take(match: (received: Received) => boolean): Received | undefined {
    const index = this.queue.findIndex(match);
    return index < 0 ? undefined : this.queue.splice(index, 1)[0];
  }

  /** What waits to be taken. */
  waiting(): readonly Received[] {
    return this.queue;
  }

  /** Takes the first that matches, now or when it comes. */
  wait(match: (received: Received) => boolean, timeoutMs: number, complain: () => string): Promise<Received> {
    const present = this.take(match);
    if (present) return Promise.resolve(present);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiters.delete(waiter);
        reject(new Error(complain()));
      }, timeoutMs);
      const waiter: Waiter = {
        match,
        resolve: (received) => {
          clearTimeout(timer);
          resolve(received);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      this.waiters.add(waiter);
    });
  }

  /** Nothing more will come. Each waiter gets the error that its own complaint makes. */
  end(error: () => Error): void {
    for (const waiter of this.waiters) waiter.reject(error());
    this.waiters.clear();
  }
}
