import { BEARER_SUBPROTOCOL, SUBPROTOCOL, parseJson } from '../protocol/index.js';
import type { WelcomeFrame } from '../protocol/index.js';
import { ABNORMAL, HEARTBEAT_TIMEOUT, NORMAL } from './close-numbers.js';
import type { Clock, Timer } from './clock.js';

/** How long an answer to a probe may take before the connection counts as dead. */
const PROBE_MS = 5_000;
const OPEN = 1;

/**
 * What the client needs of a WebSocket: the browser's has it, and so has `ws`. The handlers are `unknown` because the
 * two type their events differently.
 */
export interface WebSocketLike {
  readonly readyState: number;
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** `globalThis.WebSocket`, or the class that `ws` exports. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** A frame from the server, known to have a type and no more. */
export interface IncomingFrame {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Why a connection ended. `cause`: what was thrown, where something was. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
  readonly cause?: unknown;
}

/** What {@link Transport} needs. */
export interface TransportOptions {
  readonly url: string;
  readonly token: () => Promise<string | undefined>;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  /** From the start, the token included, to `welcome`. */
  readonly connectTimeoutMs: number;
  readonly onWelcome: (frame: WelcomeFrame) => void;
  readonly onFrame: (frame: IncomingFrame) => void;
  /** Called once, and nothing is called after it. Not called after {@link Transport.close}. */
  readonly onClosed: (closed: Closed) => void;
}

/** One attempt and, where it succeeds, one connection: token, WebSocket, `welcome`, heartbeat, end. */
export class Transport {
  #socket: WebSocketLike | undefined;
  #ended = false;
  #timer: Timer;
  #heartbeatMs = 0;
  /** When the connection counts as dead, unless something is received before. */
  #aliveUntil = Infinity;

  constructor(private readonly options: TransportOptions) {
    this.#timer = options.clock.after(options.connectTimeoutMs, () => this.#drop(ABNORMAL, 'connect_timeout'));
    options.token().then(
      (token) => this.#open(token),
      (cause: unknown) => this.#end({ code: ABNORMAL, reason: 'token_failed', cause }),
    );
  }

  /** Writes one text message. On a socket that is closing it is lost, as it would be a moment later. */
  send(text: string): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(text);
  }

  /** Asks for a sign of life: the network may have changed while the device slept. */
  probe(): void {
    if (this.#heartbeatMs === 0) return;
    this.send('{"type":"ping"}');
    this.#aliveUntil = Math.min(this.#aliveUntil, this.options.clock.now() + PROBE_MS);
    this.#watch();
  }

  /** Ends it from this side: 1000. */
  close(): void {
    this.#finish();
    this.#socket?.close(NORMAL);
  }

  #open(token: string | undefined): void {
    if (this.#ended) return;
    try {
      const protocols = token ? [SUBPROTOCOL, BEARER_SUBPROTOCOL + token] : [SUBPROTOCOL];
      const socket = new this.options.WebSocket(this.options.url, protocols);
      this.#socket = socket;
      socket.onmessage = (event: { data: unknown }) => this.#received(event.data);
      socket.onclose = (event: { code?: number; reason?: string }) =>
        this.#end({ code: event.code || ABNORMAL, reason: event.reason ?? '' });
      socket.onerror = () => undefined; // A close follows and says more; `ws` throws where nobody listens.
    } catch (cause) {
      this.#end({ code: ABNORMAL, reason: 'connect_failed', cause });
    }
  }

  #received(data: unknown): void {
    if (this.#ended) return;
    if (this.#heartbeatMs > 0) this.#aliveUntil = this.options.clock.now() + 2 * this.#heartbeatMs;
    const frame = typeof data === 'string' ? (parseJson(data) as IncomingFrame | null | undefined) : undefined;
    if (typeof frame?.type !== 'string') return; // No frame of this protocol: nothing that a client could act on.
    if (frame.type === 'ping') this.send('{"type":"pong"}');
    else if (frame.type === 'welcome') this.#welcome(frame as unknown as WelcomeFrame);
    else this.options.onFrame(frame);
  }

  #welcome(frame: WelcomeFrame): void {
    this.#heartbeatMs = frame.heartbeatMs;
    this.#aliveUntil = frame.heartbeatMs > 0 ? this.options.clock.now() + 2 * frame.heartbeatMs : Infinity;
    this.#watch();
    this.options.onWelcome(frame);
  }

  /** Wakes up when the connection would be dead, and looks whether it is: no timer is touched per frame. */
  #watch(): void {
    this.#timer.cancel();
    if (this.#aliveUntil === Infinity) return;
    const leftMs = this.#aliveUntil - this.options.clock.now();
    if (leftMs <= 0) this.#drop(HEARTBEAT_TIMEOUT, 'heartbeat_timeout');
    else this.#timer = this.options.clock.after(leftMs, () => this.#watch());
  }

  /** Gives up a connection that does not answer; its own close event could take minutes. */
  #drop(code: number, reason: string): void {
    const socket = this.#socket;
    this.#end({ code, reason });
    if (code >= 4000) socket?.close(code, reason);
    else socket?.close();
  }

  #end(closed: Closed): void {
    if (this.#ended) return;
    this.#finish();
    this.options.onClosed(closed);
  }

  #finish(): void {
    this.#ended = true;
    this.#timer.cancel();
  }
}
