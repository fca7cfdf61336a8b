import type { Clock, Timer } from './clock.js';
import type { WebSocketConstructor } from './transport.js';
import type { WakeSignals } from './wake-signals.js';

/** Time that a test moves. */
export class ManualClock implements Clock {
  #now = 1_000_000;
  #tasks: { at: number; task: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(delayMs: number, task: () => void): Timer {
    const entry = { at: this.#now + delayMs, task };
    this.#tasks.push(entry);
    return { cancel: () => void (this.#tasks = this.#tasks.filter((candidate) => candidate !== entry)) };
  }

  /** Moves time on under timers that stand still, as a device does that sleeps: they go on with what they had left. */
  sleep(byMs: number): void {
    this.#now += byMs;
    for (const task of this.#tasks) task.at += byMs;
  }

  /** Moves time on and runs what is due, in its order. */
  advance(byMs: number): void {
    const until = this.#now + byMs;
    for (;;) {
      const due = this.#tasks.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#tasks = this.#tasks.filter((candidate) => candidate !== due);
      this.#now = Math.max(this.#now, due.at);
      due.task();
    }
    this.#now = until;
  }
}

/** A frame as a test reads and writes it. */
export type Frame = Record<string, unknown>;

/** The server's end of a WebSocket that exists only in this process: it can be silent, and end in any way. */
export class FakeSocket {
  readyState = 0;
  onmessage: unknown = null;
  onclose: unknown = null;
  onerror: unknown = null;
  /** What the client sent. */
  readonly sent: Frame[] = [];
  /** How the client closed it. */
  closedWith: { code: number | undefined; reason: string | undefined } | undefined;

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  send(data: string): void {
    this.sent.push(JSON.parse(data) as Frame);
  }

  close(code?: number, reason?: string): void {
    this.readyState = 2;
    this.closedWith = { code, reason };
  }

  /** The upgrade succeeded and the server says welcome. */
  welcome(fields: Frame = {}): this {
    this.readyState = 1;
    return this.receive({
      type: 'welcome',
      connection: 'c1',
      user: { id: 'u1', name: 'alice' },
      heartbeatMs: 25_000,
      maxFrameBytes: 65_536,
      dedupeTtlMs: 300_000,
      limits: { framesPerSecond: 0, burst: 0, rooms: 0 },
      ...fields,
    });
  }

  receive(frame: Frame): this {
    this.receiveText(JSON.stringify(frame));
    return this;
  }

  receiveText(data: string): void {
    (this.onmessage as (event: { data: string }) => void)({ data });
  }

  /** Ends it from the server's side, or the network's: 1006. */
  end(code = 1006, reason = ''): void {
    this.readyState = 3;
    (this.onclose as (event: { code: number; reason: string }) => void)({ code, reason });
  }

  /** The frames of a type that the client sent. */
  sentOf(type: string): Frame[] {
    return this.sent.filter((frame) => frame['type'] === type);
  }

  /** Answers the last `join` of a room. */
  joined(room: string, cursor: string, fields: Frame = {}): this {
    return this.receive({ type: 'joined', room, cursor, members: 1, id: this.#lastJoin(room)['id'], ...fields });
  }

  /** Refuses the last `join` of a room. */
  refuse(room: string, code: string, fields: Frame = {}): this {
    return this.receive({ type: 'error', code, message: code, room, id: this.#lastJoin(room)['id'], ...fields });
  }

  /** Acknowledges a send. */
  ack(frame: Frame | undefined, offset?: number): this {
    return this.receive({ type: 'ack', id: frame?.['id'], offset });
  }

  /** Answers a send or a question with an error. */
  error(frame: Frame | undefined, code: string, retryMs?: number): this {
    return this.receive({
      type: 'error',
      code,
      message: `is ${code}`,
      id: frame?.['id'],
      room: frame?.['room'],
      retryMs,
    });
  }

  #lastJoin(room: string): Frame {
    const join = this.sentOf('join').findLast((frame) => frame['room'] === room);
    if (!join) throw new Error(`expected a join of ${room}, got ${JSON.stringify(this.sent)}`);
    return join;
  }
}

/** Every socket that the client makes, and the class that makes them. */
export class FakeNetwork {
  readonly sockets: FakeSocket[] = [];
  readonly WebSocket: WebSocketConstructor;

  constructor() {
    const { sockets } = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        sockets.push(this);
      }
    };
  }

  /** The client's n-th socket (from 1), once it exists: a token is always awaited first. */
  async socket(nth: number): Promise<FakeSocket> {
    for (let turn = 0; turn < 50; turn += 1) {
      const socket = this.sockets[nth - 1];
      if (socket) return socket;
      await Promise.resolve();
    }
    throw new Error(`expected socket ${nth}, the client made ${this.sockets.length}`);
  }
}

/** A device that a test wakes up and takes off the network. */
export class FakeSignals implements WakeSignals {
  offline = false;
  #wake: (() => void) | undefined;

  isOffline(): boolean {
    return this.offline;
  }

  subscribe(wake: () => void): () => void {
    this.#wake = wake;
    return () => {
      this.#wake = undefined;
    };
  }

  /** Says whether anybody listens. */
  get isWatched(): boolean {
    return this.#wake !== undefined;
  }

  wake(): void {
    this.#wake?.();
  }
}
