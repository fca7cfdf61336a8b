import { parseJson } from '../../protocol/index.js';
import { ABNORMAL } from '../close-numbers.js';
import type { Clock, Timer } from '../clock.js';
import type { WebSocketConstructor } from '../transport.js';
import { Candidacy } from './candidacy.js';
import { ElectedHub } from './elected-hub.js';
import type { FromHub, TabMessage, ToHubBody } from './tab-messages.js';
import type { Channel, TabsPlatform } from './tabs-platform.js';
import { VirtualSocket } from './virtual-socket.js';

/**
 * How long the hub may take to answer a tab that comes. After that its page counts as asleep, and the tab takes its
 * place; a hub that reads a message as old as this knows that it slept.
 */
const HUB_ANSWERS_MS = 3_000;

/** What {@link Tab} needs. */
export interface TabOptions {
  /** The same in every tab that shares: it names the URL and the user. */
  readonly name: string;
  readonly user: string;
  /** Makes the real connection. */
  readonly WebSocket: WebSocketConstructor;
  readonly clock: Clock;
  readonly platform: TabsPlatform;
  /** There may be a connection sooner than this tab's client thinks. */
  readonly onHub: () => void;
}

/**
 * This tab's part in sharing: it stands in line for the lock, talks to the tab that has it, and is the hub once it has it
 * itself. Its client sees a WebSocket class and nothing of all this: the end of the hub's tab is 1006, and the client
 * comes back, resumes and sends again as after any cut.
 */
export class Tab {
  /** What the client takes for the WebSocket class. */
  readonly WebSocket: WebSocketConstructor;
  readonly #candidacy: Candidacy;
  #channel: Channel | undefined;
  /** There while this tab is the hub itself. */
  #hub: ElectedHub | undefined;
  /** The hub that this tab knows to be the present one, while it is not the hub itself. */
  #leader: string | undefined;
  /** The client's present socket, and what shows the hub that it is still there. */
  #socket: VirtualSocket | undefined;
  #proof: (() => void) | undefined;
  #patience: Timer | undefined;
  #isWanted = false;
  #isAsleep = false;
  #isAlone = false;

  constructor(private readonly options: TabOptions) {
    const opened = (url: string, protocols: string[]) => this.#opened(url, protocols);
    // A constructor may hand out another object: the real one, once this tab does not share any more.
    this.WebSocket = function SharedWebSocket(url: string, protocols: string[]) {
      return opened(url, protocols);
    } as unknown as WebSocketConstructor;
    this.#candidacy = new Candidacy(options.platform.locks, options.name, {
      elected: () => this.#elected(),
      deposed: () => this.#resign(),
      failed: () => this.#goAlone(),
    });
    options.platform.watchPage(
      () => this.#sleep(),
      () => this.#wake(),
    );
  }

  /** The client says whether it has a connection, or one will come by itself. */
  wanted(isWanted: boolean): void {
    this.#isWanted = isWanted;
    this.#settle();
  }

  #opened(url: string, protocols: string[]): VirtualSocket | InstanceType<WebSocketConstructor> {
    if (this.#isAlone) return new this.options.WebSocket(url, protocols);
    const socket = new VirtualSocket(url, protocols, {
      sent: (from, text) => this.#sent(from, text),
      closed: (from, code) => this.#closed(from, code),
    });
    this.#socket = socket;
    if (this.#hub) this.#hub.connect(socket);
    else if (!this.#isAsleep) this.#takePart(socket);
    return socket;
  }

  #takePart(socket: VirtualSocket): void {
    if (!this.#channel) {
      this.#channel = this.options.platform.openChannel(this.options.name);
      this.#channel.onmessage = (event: { data: TabMessage }) => this.#heard(event.data);
    }
    this.#candidacy.begin();
    this.#prove(socket);
  }

  /** Holds a lock for as long as the socket lives: the hub gets it in the moment in which the tab is gone (crashes too). */
  #prove(socket: VirtualSocket): void {
    const held = (): Promise<void> | void => {
      if (socket !== this.#socket || this.#hub) return;
      return new Promise((resolve) => {
        this.#proof = resolve;
        this.#attach(socket);
      });
    };
    this.options.platform.locks.request(this.#lockOf(socket.id), {}, held).catch(() => this.#goAlone());
  }

  #attach(socket: VirtualSocket): void {
    const { clock } = this.options;
    this.#tell({ kind: 'attach', socket: socket.id, me: socket.me });
    const since = clock.now();
    this.#patience?.cancel();
    this.#patience = clock.after(HUB_ANSWERS_MS, () => {
      // Who slept itself has the answer still before it.
      if (clock.now() - since > 2 * HUB_ANSWERS_MS) this.#attach(socket);
      else this.#candidacy.steal();
    });
  }

  #sent(socket: VirtualSocket, text: string): void {
    if (this.#hub) this.#hub.send(socket.id, text);
    else if (!isAuth(text)) this.#tell({ kind: 'send', socket: socket.id, text }); // A token never leaves its tab.
  }

  #closed(socket: VirtualSocket, code: number | undefined): void {
    if (this.#hub) this.#hub.detach(socket.id, code);
    else this.#tell({ kind: 'close', socket: socket.id, code });
    this.#forget(socket);
  }

  /** This tab's socket is over. */
  #forget(socket: VirtualSocket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#patience?.cancel();
    this.#proof?.();
    this.#proof = undefined;
  }

  #end(code: number, reason: string): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#forget(socket);
    socket.end(code, reason);
  }

  #elected(): void {
    const { user, WebSocket, clock, platform } = this.options;
    const hub = new ElectedHub({
      user,
      WebSocket,
      clock,
      locks: platform.locks,
      lockOf: (socket) => this.#lockOf(socket),
      post: (message) => this.#post(message),
      own: () => this.#socket,
      endOwn: (code, reason) => this.#end(code, reason),
      onEnded: () => this.#settle(),
      onStranger: (stranger) => this.#stranger(stranger),
    });
    this.#hub = hub;
    this.#patience?.cancel();
    const socket = this.#socket;
    if (socket?.isConnecting) this.#connect(hub, socket);
    else this.#end(ABNORMAL, ''); // It was on the connection of a hub that is gone.
    hub.lead();
  }

  #connect(hub: ElectedHub, socket: VirtualSocket): void {
    this.#proof?.();
    this.#proof = undefined;
    try {
      hub.connect(socket);
    } catch {
      this.#end(ABNORMAL, 'connect_failed'); // At its next attempt the client is told what was thrown.
    }
  }

  #heard(message: TabMessage): void {
    if ('hub' in message) return this.#heardHub(message);
    if (!this.#hub) return;
    // Messages waited while this page slept. Another tab may have taken over, and what is asked may be long done.
    if (this.options.clock.now() - message.at >= HUB_ANSWERS_MS) return this.#resign();
    this.#hub.hear(message);
  }

  #heardHub(message: FromHub): void {
    if (message.kind === 'lead') return this.#heardLeader(message.hub);
    const socket = this.#socket;
    if (this.#hub || !socket || !message.to.includes(socket.id)) return;
    this.#leader ??= message.hub;
    if (message.hub !== this.#leader) return; // A hub of before.
    if (message.kind === 'attached') this.#patience?.cancel();
    else if (message.kind === 'frame') socket.receive(message.text);
    else this.#end(message.code, message.reason);
  }

  /** A tab was elected, or its connection is there. */
  #heardLeader(hub: string): void {
    if (this.#hub) return; // It was taken from this tab: the lock says so, too.
    const isNew = hub !== this.#leader;
    this.#leader = hub;
    if (!this.#socket) this.options.onHub();
    else if (isNew && !this.#socket.isConnecting) this.#end(ABNORMAL, '');
    else if (isNew && this.#proof) this.#attach(this.#socket);
  }

  /** Ends being the hub, or standing in line for it; the client comes back after a moment, as the others' do. */
  #resign(): void {
    this.#candidacy.end();
    const hub = this.#hub;
    this.#hub = undefined;
    hub?.close();
    this.#end(ABNORMAL, '');
  }

  /** Takes no part any more, where neither this tab's client nor, through it, another one wants a connection. */
  #settle(): void {
    if (this.#isWanted || this.#hub?.isUsed) return;
    this.#takeNoPart();
  }

  #takeNoPart(): void {
    this.#resign();
    this.#channel?.close();
    this.#channel = this.#leader = undefined;
  }

  #sleep(): void {
    this.#isAsleep = true;
    this.#takeNoPart();
  }

  #wake(): void {
    this.#isAsleep = false;
    if (this.#socket && !this.#channel && !this.#isAlone) this.#takePart(this.#socket);
  }

  #stranger(id: string): void {
    console.warn(
      `rookery: expected a token of the user ${this.options.user}, got one of ${id}: this tab does not share`,
    );
    this.#goAlone();
  }

  #goAlone(): void {
    this.#isAlone = true;
    this.#takeNoPart();
  }

  #lockOf(socket: string): string {
    return `${this.options.name} ${socket}`;
  }

  #tell(message: ToHubBody): void {
    this.#post({ ...message, at: this.options.clock.now() });
  }

  #post(message: TabMessage): void {
    this.#channel?.postMessage(message);
  }
}

function isAuth(text: string): boolean {
  return text.includes('"auth"') && (parseJson(text) as { type?: unknown }).type === 'auth';
}
