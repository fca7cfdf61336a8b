import { parseCloseReason } from '../protocol/index.js';
import type { FrameUser, WelcomeFrame } from '../protocol/index.js';
import { NORMAL } from './close-numbers.js';
import type { Clock, Timer } from './clock.js';
import { ReconnectPolicy } from './reconnect-policy.js';
import type { TokenSource } from './token-source.js';
import { Transport } from './transport.js';
import type { Closed, IncomingFrame, WebSocketConstructor } from './transport.js';
import type { WakeSignals } from './wake-signals.js';

/** How long a connection lasts before the next wait is a first one again (CC2). */
const LASTING_MS = 5_000;
/** Least time between two attempts. */
const BETWEEN_ATTEMPTS_MS = 250;
/** The wait while the device says that it is offline. `online` ends it; the device may be wrong, so it does end. */
const OFFLINE_WAIT_MS = 30_000;

/** Where a client is, and where it goes from there. */
export type ConnectionState =
  | { readonly status: 'idle' }
  | { readonly status: 'connecting' }
  | { readonly status: 'connected'; readonly connection: string; readonly user: FrameUser }
  | Disconnected;

/** Why there is no connection, whether one comes by itself, and when. */
export interface Disconnected {
  readonly status: 'disconnected';
  readonly code: number;
  /** The word of the close reason; empty where there is none. */
  readonly reason: string;
  /** When it comes back by itself, in milliseconds since 1970. Absent: it doesn't. */
  readonly retryAt?: number;
  /** What was thrown, where something was: by the `token` function, say. */
  readonly cause?: unknown;
}

/** What {@link ConnectionKeeper} needs. */
export interface ConnectionKeeperOptions {
  readonly url: () => string;
  readonly token: TokenSource;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly random: () => number;
  readonly signals: WakeSignals;
  readonly connectTimeoutMs: number;
  /** Called after each change. */
  readonly onState: (state: ConnectionState) => void;
  /** Called when the state is `connected`, before `onState` tells. */
  readonly onWelcome: (frame: WelcomeFrame) => void;
  readonly onFrame: (frame: IncomingFrame) => void;
}

/** Keeps one connection: makes it, makes it again when it is lost, and knows when not to. */
export class ConnectionKeeper {
  #state: ConnectionState = { status: 'idle' };
  readonly #policy: ReconnectPolicy;
  #transport: Transport | undefined;
  #lasting: Timer | undefined;
  #retry: Timer | undefined;
  /** When {@link #retry} is due. */
  #retryAt = 0;
  /** Earliest moment for the next attempt, whatever wakes the client; and how long that was away when it was set. */
  #notBefore = 0;
  #leastMs = 0;
  #unsubscribe: (() => void) | undefined;

  constructor(private readonly options: ConnectionKeeperOptions) {
    this.#policy = new ReconnectPolicy(options.random);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Makes the next attempt as soon as it may be made; does nothing while there is a connection or an attempt. */
  connect(): void {
    if (this.#transport) return;
    if (!this.#retry) this.#policy.reset();
    this.#unsubscribe ??= this.options.signals.subscribe(() => this.#wake());
    const waitMs = this.#leastWaitMs();
    if (waitMs <= 0) return this.#attempt();
    if (this.#retry && this.#retryAt <= this.options.clock.now() + waitMs) return; // It comes that soon already.
    this.#waitFor(waitMs, this.#state.status === 'disconnected' ? this.#state : normalClose);
  }

  /** Closes with 1000 and stays away until {@link connect}. */
  close(): void {
    const transport = this.#transport;
    if (!transport && !this.#retry && this.#state.status !== 'idle') return;
    this.#clear();
    this.options.token.forget();
    transport?.close();
    this.#stop(normalClose);
  }

  send(text: string): void {
    this.#transport?.send(text);
  }

  #attempt(): void {
    const { url, token, WebSocket, clock, connectTimeoutMs, onFrame } = this.options;
    this.#clear();
    this.#hold(BETWEEN_ATTEMPTS_MS);
    this.#transport = new Transport({
      url: url(),
      token: () => token.take(),
      WebSocket,
      clock,
      connectTimeoutMs,
      onWelcome: (frame) => this.#welcomed(frame),
      onFrame,
      onClosed: (closed) => this.#closed(closed),
    });
    this.#become({ status: 'connecting' });
  }

  #welcomed(frame: WelcomeFrame): void {
    this.#lasting = this.options.clock.after(LASTING_MS, () => this.#policy.reset());
    this.#state = { status: 'connected', connection: frame.connection, user: frame.user };
    // Rooms join first: one that is opened by whoever hears of the change joins by itself, and once.
    this.options.onWelcome(frame);
    this.#become(this.#state);
  }

  #closed(closed: Closed): void {
    const { signals, token } = this.options;
    const wait = this.#policy.after(closed.code, closed.reason, token.canRefresh);
    this.#clear();
    if (!wait) return this.#stop(closed);
    this.#hold(wait.leastMs);
    this.#waitFor(signals.isOffline() ? Math.max(wait.waitMs, OFFLINE_WAIT_MS) : wait.waitMs, closed);
  }

  #waitFor(waitMs: number, { code, reason, cause }: Closed): void {
    const { clock } = this.options;
    this.#retry?.cancel();
    this.#retry = clock.after(waitMs, () => this.#attempt());
    this.#retryAt = clock.now() + waitMs;
    this.#become({
      status: 'disconnected',
      code,
      reason: parseCloseReason(reason).word,
      retryAt: this.#retryAt,
      cause,
    });
  }

  #stop({ code, reason, cause }: Closed): void {
    this.#hold(Math.max(BETWEEN_ATTEMPTS_MS, this.#leastWaitMs())); // What the server advised holds for a connect() too.
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#become({ status: 'disconnected', code, reason: parseCloseReason(reason).word, cause });
  }

  #hold(leastMs: number): void {
    this.#leastMs = leastMs;
    this.#notBefore = this.options.clock.now() + leastMs;
  }

  /** Never longer than it was set to: the clock may have been put back meanwhile. */
  #leastWaitMs(): number {
    return Math.min(this.#leastMs, this.#notBefore - this.options.clock.now());
  }

  /** The network is back, or the user: nobody waits for a timer, and a connection proves that it lives. */
  #wake(): void {
    if (this.#retry && !this.options.signals.isOffline()) this.connect();
    else if (this.#state.status === 'connected') this.#transport?.probe();
  }

  #clear(): void {
    this.#lasting?.cancel();
    this.#retry?.cancel();
    this.#transport = this.#lasting = this.#retry = undefined;
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.options.onState(state);
  }
}

const normalClose: Closed = { code: NORMAL, reason: '' };
