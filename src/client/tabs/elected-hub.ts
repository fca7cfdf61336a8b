import type { Clock } from '../clock.js';
import { createFrameId } from '../frame-id.js';
import type { WebSocketConstructor } from '../transport.js';
import { Hub } from './hub.js';
import type { FromHub, FromHubBody, ToHub } from './tab-messages.js';
import type { Locks } from './tabs-platform.js';
import type { VirtualSocket } from './virtual-socket.js';

/** What {@link ElectedHub} needs of the tab that was elected. */
export interface ElectedHubOptions {
  readonly user: string;
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly locks: Locks;
  /** Names the lock that a tab holds for as long as its socket lives. */
  readonly lockOf: (socket: string) => string;
  readonly post: (message: FromHub) => void;
  /** The tab's own socket. */
  readonly own: () => VirtualSocket | undefined;
  /** Ends the tab's own socket. */
  readonly endOwn: (code: number, reason: string) => void;
  /** Called after the connection, or an attempt, has ended. */
  readonly onEnded: () => void;
  /** The token of this tab belongs to somebody else than the tab says. */
  readonly onStranger: (id: string) => void;
}

/**
 * The {@link Hub} as the tabs know it: says to all that it is there, hears what they want and hands out what comes, to the
 * sockets of other tabs over the channel and to its own tab's at once.
 */
export class ElectedHub {
  readonly #id = createFrameId();
  readonly #hub: Hub;
  /** Locks of other tabs' sockets that it waits for. */
  readonly #watches = new Map<string, AbortController>();
  #isOver = false;

  constructor(private readonly options: ElectedHubOptions) {
    const { user, WebSocket, clock, onEnded, onStranger } = options;
    this.#hub = new Hub({
      user,
      WebSocket,
      clock,
      emit: (to, text) => this.#emit(to, text),
      end: (to, code, reason) => this.#end(to, code, reason),
      onWelcome: () => this.lead(),
      onEnded,
      onStranger,
    });
  }

  /** There is a connection, or an attempt. */
  get isUsed(): boolean {
    return this.#hub.isUsed;
  }

  /** Says that it was elected, or that its connection is there. */
  lead(): void {
    this.#post({ kind: 'lead' });
  }

  /** The client of this tab makes an attempt. @throws whatever the WebSocket class throws */
  connect(socket: VirtualSocket): void {
    this.#hub.connect(socket);
  }

  send(socket: string, text: string): void {
    this.#hub.send(socket, text);
  }

  /** A socket is gone. `code`: how its tab closed it. */
  detach(socket: string, code: number | undefined): void {
    this.#hub.detach(socket, code);
  }

  /** Another tab wants something. */
  hear(message: ToHub): void {
    const { socket } = message;
    if (message.kind === 'attach') {
      this.#watch(socket);
      this.#post({ kind: 'attached', to: [socket] });
      this.#hub.attach(socket, message.me);
    } else if (message.kind === 'send') this.send(socket, message.text);
    else {
      this.#unwatch(socket);
      this.detach(socket, message.code);
    }
  }

  /** Gives up being the hub, and says nothing any more. */
  close(): void {
    this.#isOver = true;
    for (const socket of [...this.#watches.keys()]) this.#unwatch(socket);
    this.#hub.close();
  }

  /** Hands a frame to sockets. The own one gets it as soon as nothing else runs, as a WebSocket would. */
  #emit(to: readonly string[], text: string): void {
    const others = this.#others(to, (socket) => socket.receive(text));
    if (others.length > 0) this.#post({ kind: 'frame', to: others, text });
  }

  #end(to: readonly string[], code: number, reason: string): void {
    const others = this.#others(to, () => this.options.endOwn(code, reason));
    for (const socket of others) this.#unwatch(socket);
    if (others.length > 0) this.#post({ kind: 'end', to: others, code, reason });
  }

  #others(to: readonly string[], mine: (socket: VirtualSocket) => void): readonly string[] {
    const socket = this.options.own();
    if (!socket || !to.includes(socket.id)) return to;
    queueMicrotask(() => {
      if (this.options.own() === socket) mine(socket);
    });
    return to.filter((id) => id !== socket.id);
  }

  /** Waits for the lock that another tab's socket holds: it comes in the moment in which that tab is gone. */
  #watch(socket: string): void {
    if (this.#watches.has(socket)) return;
    const abort = new AbortController();
    this.#watches.set(socket, abort);
    const gone = (): void => {
      if (this.#watches.delete(socket)) this.detach(socket, undefined);
    };
    const { locks, lockOf } = this.options;
    locks.request(lockOf(socket), { signal: abort.signal }, gone).catch(() => undefined); // Withdrawn.
  }

  #unwatch(socket: string): void {
    this.#watches.get(socket)?.abort();
    this.#watches.delete(socket);
  }

  #post(message: FromHubBody): void {
    if (!this.#isOver) this.options.post({ ...message, hub: this.#id });
  }
}
