import { comeBackAfter, parseJson } from '../../protocol/index.js';
import type { WelcomeFrame } from '../../protocol/index.js';
import { ABNORMAL, HEARTBEAT_TIMEOUT, NORMAL } from '../close-numbers.js';
import type { Clock } from '../clock.js';
import type { WebSocketConstructor, WebSocketLike } from '../transport.js';
import { SharedConnection } from './shared-connection.js';
import type { VirtualSocket } from './virtual-socket.js';

/** What {@link Hub} needs. */
export interface HubOptions {
  /** Whose connection it is: no other user's is ever shared. */
  readonly user: string;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly emit: (to: readonly string[], text: string) => void;
  readonly end: (to: readonly string[], code: number, reason: string) => void;
  /** Called when there is a connection. */
  readonly onWelcome: () => void;
  /** Called after the connection, or an attempt, has ended. */
  readonly onEnded: () => void;
  /** The token of this tab belongs to somebody else than the tab says. */
  readonly onStranger: (id: string) => void;
}

/**
 * Holds the one real connection for the sockets of all tabs, in the tab that was elected. Only that tab's own client
 * makes attempts, with its own token and its own waits; the sockets of the others stay connecting until there is a
 * `welcome`, or a close that nobody comes back from by waiting.
 */
export class Hub {
  #real: WebSocketLike | undefined;
  #shared: SharedConnection | undefined;
  /** The socket of this tab. */
  #own: string | undefined;
  /** Sockets of other tabs that wait for a connection, each with its cursor of the user's own room. */
  readonly #waiting = new Map<string, string | undefined>();

  constructor(private readonly options: HubOptions) {}

  /** There is a connection, or an attempt: somebody's. */
  get isUsed(): boolean {
    return this.#real !== undefined;
  }

  /** The client of this tab makes an attempt. @throws whatever the WebSocket class throws */
  connect(socket: VirtualSocket): void {
    this.#own = socket.id;
    if (this.#shared) return this.#shared.attach(socket.id, socket.me);
    const real = new this.options.WebSocket(socket.url, socket.protocols);
    this.#real = real;
    real.onmessage = (event: { data: unknown }) => {
      if (this.#real === real && typeof event.data === 'string') this.#received(event.data, socket);
    };
    real.onclose = (event: { code?: number; reason?: string }) => {
      if (this.#real === real) this.#ended(event.code || ABNORMAL, event.reason ?? '');
    };
    real.onerror = () => undefined; // A close follows and says more.
  }

  /** The socket of another tab is there. */
  attach(socket: string, me: string | undefined): void {
    if (this.#shared) this.#shared.attach(socket, me);
    else this.#waiting.set(socket, me);
  }

  send(socket: string, text: string): void {
    this.#shared?.send(socket, text);
  }

  /** A socket is gone. `code`: how its tab closed it. */
  detach(socket: string, code: number | undefined): void {
    const isOwn = socket === this.#own;
    if (isOwn) this.#own = undefined;
    this.#waiting.delete(socket);
    if (!this.#shared) return isOwn ? this.#drop(code) : undefined;
    if (!this.#shared.sockets.includes(socket)) return;
    this.#shared.detach(socket);
    // Every tab hears all that this connection hears: where one got no sign of life, there was none.
    if (code === HEARTBEAT_TIMEOUT) return this.#ended(code, 'heartbeat_timeout', code);
    if (this.#shared.sockets.length > 0) return;
    this.#drop(NORMAL);
    this.options.onEnded();
  }

  /** Gives up being the hub. Not with 1000: the user is not gone, another tab comes for all of them (CN3). */
  close(): void {
    this.#drop(undefined);
  }

  #received(text: string, maker: VirtualSocket): void {
    if (this.#shared) return this.#shared.receive(text);
    const welcome = parseJson(text) as WelcomeFrame | null | undefined;
    if (welcome?.type !== 'welcome') return;
    const { user, clock, emit, onStranger } = this.options;
    if (welcome.user.id !== user) return onStranger(welcome.user.id);
    this.#shared = new SharedConnection({
      welcome,
      clock,
      emit,
      write: (frame) => this.#real?.send(frame),
      isMaker: (socket) => socket === this.#own,
    });
    this.#shared.attach(maker.id, maker.me);
    for (const [socket, me] of this.#waiting) this.#shared.attach(socket, me);
    this.#waiting.clear();
    this.options.onWelcome();
  }

  #ended(code: number, reason: string, closeCode?: number): void {
    const told = this.#shared ? this.#shared.sockets : this.#own === undefined ? [] : [this.#own];
    if (comeBackAfter(code, reason) !== 'yes') {
      told.push(...this.#waiting.keys());
      this.#waiting.clear();
    }
    this.#drop(closeCode);
    this.options.end(told, code, reason);
    this.options.onEnded();
  }

  /** Lets the real connection go. */
  #drop(code: number | undefined): void {
    const real = this.#real;
    this.#shared?.end();
    this.#real = this.#shared = undefined;
    real?.close(code);
  }
}
