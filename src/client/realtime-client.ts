import { USER_ROOM, reservedTypes } from '../protocol/index.js';
import type { ErrorFrame, JoinedFrame, WelcomeFrame } from '../protocol/index.js';
import { RealtimeClientError } from './client-error.js';
import { systemClock } from './clock.js';
import type { Clock, Timer } from './clock.js';
import { ConnectionKeeper } from './connection-keeper.js';
import type { ConnectionState, Disconnected } from './connection-keeper.js';
import { Emitter } from './emitter.js';
import type { AnswerFrame, Outgoing, OutboxOptions } from './outbox.js';
import type { StoredSend } from './outbox-storage.js';
import { Pacer } from './pacer.js';
import { ClientRoom } from './room.js';
import type { PayloadMap } from './room.js';
import { RoomSession } from './room-session.js';
import type { RoomEmitter, RoomFrameIn, RoomLink } from './room-session.js';
import { TokenRefresh } from './token-refresh.js';
import { TokenSource } from './token-source.js';
import type { Token } from './token-source.js';
import type { IncomingFrame, WebSocketConstructor } from './transport.js';
import { browserSignals } from './wake-signals.js';
import type { WakeSignals } from './wake-signals.js';

/** What a client tells. */
export interface ClientEvents {
  /** Each change of {@link RealtimeClient.state}. */
  state: ConnectionState;
  /** An error frame that answers no call and belongs to no room of this client. */
  error: ErrorFrame;
}

/** What {@link RealtimeClient} takes beside its URL. */
export interface RealtimeClientOptions {
  /** The token, or what fetches one: asked afresh for each attempt, one call at a time. Absent: anonymous. */
  readonly token?: Token;
  /** Default `globalThis.WebSocket`. Node before 22 has none: hand in the one of `ws`. */
  readonly WebSocket?: WebSocketConstructor;
  /** What each room keeps of unacknowledged sends, by count and bytes, and whether over a reload. */
  readonly outbox?: OutboxOptions;
  /** Longest time from the start of an attempt, its token included, to `welcome`. Default 15,000. */
  readonly connectTimeoutMs?: number;
  /** Time; default the machine's. For tests. */
  readonly clock?: Clock;
  /** Default `Math.random`. For tests. */
  readonly random?: () => number;
  /** What the device tells; default the browser's events. For tests. */
  readonly signals?: WakeSignals;
}

/** Before the first `welcome` says it: nothing is too large yet, and the server's own default. */
const assumed = { maxFrameBytes: Infinity, dedupeTtlMs: 300_000 };

/**
 * One connection to a gateway and the rooms on it. It connects with the first room, or by {@link connect}, comes back
 * by itself as the close-code table says, and resumes each room where it was.
 */
export class RealtimeClient<Payloads extends object = PayloadMap> {
  readonly #url: URL;
  readonly #clock: Clock;
  readonly #keeper: ConnectionKeeper;
  readonly #link: RoomLink;
  readonly #emitter = new Emitter<ClientEvents>();
  readonly #rooms = new Map<string, { readonly room: ClientRoom<Payloads>; readonly session: RoomSession }>();
  readonly #answers = new Map<string, (frame: AnswerFrame | undefined) => void>();
  readonly #controls: Outgoing[] = [];
  readonly #refresh: TokenRefresh;
  /** Sends of the page's last life whose rooms were not opened yet. */
  #stored: readonly StoredSend[];
  #welcome: Pick<WelcomeFrame, 'maxFrameBytes' | 'dedupeTtlMs'> & Partial<WelcomeFrame> = assumed;
  /** The server joins the user's own room unasked, maybe before anybody here wants it (FR7). */
  #userRoom: JoinedFrame | undefined;
  #pacer: Pacer | undefined;
  #pause: Timer | undefined;

  /**
   * `url`: the gateway's, without a room; `ws`, `wss`, `http`, `https`, or relative to the page.
   *
   * @throws TypeError where the URL can't be read or there is no WebSocket class to be had.
   */
  constructor(url: string | URL, options: RealtimeClientOptions = {}) {
    this.#url = gatewayUrl(url);
    this.#clock = options.clock ?? systemClock;
    const token = new TokenSource(options.token);
    this.#keeper = new ConnectionKeeper({
      url: () => this.#attemptUrl(),
      token,
      WebSocket: options.WebSocket ?? globalWebSocket(),
      clock: this.#clock,
      random: options.random ?? Math.random,
      signals: options.signals ?? browserSignals,
      connectTimeoutMs: options.connectTimeoutMs ?? 15_000,
      onState: (state) => this.#changed(state),
      onWelcome: (frame) => this.#welcomed(frame),
      onFrame: (frame) => this.#received(frame),
    });
    this.#link = {
      clock: this.#clock,
      outbox: options.outbox ?? {},
      maxFrameBytes: () => this.#welcome.maxFrameBytes,
      dedupeTtlMs: () => this.#welcome.dedupeTtlMs,
      user: () => {
        const id = this.#welcome.user?.id;
        return id?.startsWith('anon-') ? undefined : id; // HS9, CL2: anonymous connections count as one user.
      },
      isConnected: () => this.state.status === 'connected',
      control: (frame) => {
        this.#controls.push(frame);
        this.#pump();
      },
      volatile: (text) => {
        const mayLeave = this.#pacer?.waitMs(this.#clock.now()) === 0;
        if (mayLeave) {
          this.#pacer?.spend();
          this.#keeper.send(text);
        }
        return mayLeave;
      },
      isExpected: (id) => this.#answers.has(id),
      expect: (id, answer) => void this.#answers.set(id, answer),
      ready: () => this.#pump(),
      forget: (session) => {
        if (this.#rooms.get(session.name)?.session === session) this.#rooms.delete(session.name);
      },
    };
    this.#refresh = new TokenRefresh({
      clock: this.#clock,
      token,
      expect: (id, answer) => this.#link.expect(id, answer),
      send: (text) => this.#keeper.send(text), // Doesn't count towards the rate (CL7).
    });
    this.#stored = options.outbox?.storage?.load() ?? [];
  }

  /** Where the connection is now. */
  get state(): ConnectionState {
    return this.#keeper.state;
  }

  /** Calls the handler for each event of a kind. Returns what ends it. */
  on<Name extends keyof ClientEvents>(name: Name, handler: (event: ClientEvents[Name]) => void): () => void {
    return this.#emitter.on(name, handler);
  }

  /** The room of this name, joined as soon as there is a connection. The same object until it is left. */
  room(name: string): ClientRoom<Payloads> {
    const known = this.#rooms.get(name);
    if (known) return known.room;
    const emitter: RoomEmitter = new Emitter();
    const session = new RoomSession(name, this.#link, emitter);
    const room = new ClientRoom<Payloads>(session, emitter);
    this.#rooms.set(name, { room, session });
    session.restore(this.#stored.filter((send) => send.room === name));
    this.#stored = this.#stored.filter((send) => send.room !== name);
    if (name === USER_ROOM && this.#userRoom) session.receive(this.#userRoom);
    if (this.state.status === 'idle') this.connect();
    else if (this.#link.isConnected()) session.connected();
    else if (this.#isOver()) session.end(this.#overError());
    return room;
  }

  /** Connects now, or, after a cut, as soon as it may. Nothing happens while there is a connection or an attempt. */
  connect(): void {
    for (const { session } of this.#rooms.values()) session.begin();
    this.#keeper.connect();
  }

  /** Closes with 1000 and stays away until {@link connect}. What waits to be sent rejects with `disconnected`. */
  close(): void {
    this.#keeper.close();
  }

  /** All that is added to the URL: where the user's own room goes on (HS6). Never a token. */
  #attemptUrl(): string {
    const cursor = this.#rooms.get(USER_ROOM)?.session.cursor;
    if (cursor === undefined) return this.#url.href;
    const url = new URL(this.#url);
    url.searchParams.set('me', cursor);
    return url.href;
  }

  #changed(state: ConnectionState): void {
    if (state.status === 'disconnected') this.#lost();
    this.#emitter.emit('state', state);
  }

  #welcomed(frame: WelcomeFrame): void {
    this.#welcome = frame;
    this.#pacer = new Pacer(frame.limits, this.#clock.now());
    this.#refresh.until(frame.expiresAt);
    for (const { session } of [...this.#rooms.values()]) session.connected();
    this.#pump();
  }

  #received(frame: IncomingFrame): void {
    // An application's frame carries its sender's id too, and answers nothing.
    const id = reservedTypes.has(frame.type) ? frame['id'] : undefined;
    if (typeof id === 'string' && this.#answered(id, frame)) return;
    if (frame['room'] === USER_ROOM) this.#noteUserRoom(frame);
    const session = this.#rooms.get(frame['room'] as string)?.session;
    if (session) session.receive(frame as unknown as RoomFrameIn);
    else if (frame.type === 'error') this.#emitter.emit('error', frame as unknown as ErrorFrame);
  }

  /** @returns whether somebody waited for it. */
  #answered(id: string, frame: IncomingFrame): boolean {
    this.#pacer?.answered(id, this.#clock.now());
    const answer = this.#answers.get(id);
    this.#answers.delete(id);
    answer?.(frame as unknown as AnswerFrame);
    this.#pump();
    return answer !== undefined;
  }

  /** Whoever opens the user's room later begins where its frames are by then. */
  #noteUserRoom(frame: IncomingFrame): void {
    const joined = this.#userRoom;
    const { offset } = frame as { offset?: number };
    if (frame.type === 'joined') this.#userRoom = frame as unknown as JoinedFrame;
    else if (joined && offset) this.#userRoom = { ...joined, cursor: joined.cursor.replace(/\d+$/, `${offset}`) };
  }

  #lost(): void {
    this.#refresh.stop();
    this.#pause?.cancel();
    this.#pause = this.#pacer = this.#userRoom = undefined;
    this.#controls.length = 0;
    const answers = [...this.#answers.values()];
    this.#answers.clear();
    for (const answer of answers) answer(undefined);
    for (const { session } of this.#rooms.values()) {
      session.lost();
      if (this.#isOver()) session.end(this.#overError());
    }
  }

  /** Sends what may leave now, at the pace that the server asks for; joins and leaves first, then room by room. */
  #pump(): void {
    this.#pause?.cancel();
    while (this.#pacer) {
      const waitMs = this.#pacer.waitMs(this.#clock.now());
      if (waitMs > 0) {
        if (waitMs < Infinity) this.#pause = this.#clock.after(waitMs, () => this.#pump());
        else this.#ask(this.#pacer.question());
        return;
      }
      const frame = this.#controls.shift() ?? this.#takeFromRooms();
      if (!frame) return;
      this.#pacer.sent(frame.id);
      this.#keeper.send(frame.text);
    }
  }

  #ask(question: string | undefined): void {
    if (question) this.#keeper.send(question);
  }

  /** One frame of the first room that has one; the room goes to the end of the line. */
  #takeFromRooms(): Outgoing | undefined {
    for (const [name, entry] of this.#rooms) {
      const frame = entry.session.take();
      if (!frame) continue;
      this.#rooms.delete(name);
      this.#rooms.set(name, entry);
      return frame;
    }
    return undefined;
  }

  #isOver(): boolean {
    return this.state.status === 'disconnected' && this.state.retryAt === undefined;
  }

  #overError(): RealtimeClientError {
    const { code, reason } = this.state as Disconnected;
    const why = reason ? `${code} ${reason}` : `${code}`;
    return new RealtimeClientError('disconnected', `the connection ended with ${why}; call connect() to come back`);
  }
}

/** @internal The address of a gateway as it was given, whole. */
export function gatewayUrl(given: string | URL): URL {
  const url = new URL(given, typeof location === 'object' ? location.href : undefined);
  url.protocol = url.protocol.replace(/^http/, 'ws');
  url.hash = '';
  if (/^wss?:$/.test(url.protocol)) return url;
  throw new TypeError(`expected a ws, wss, http or https URL, got ${url.protocol}; name the gateway's address`);
}

/** @internal */
export function globalWebSocket(): WebSocketConstructor {
  const { WebSocket } = globalThis as { WebSocket?: WebSocketConstructor };
  if (WebSocket) return WebSocket;
  throw new TypeError('expected a global WebSocket class, found none; pass one: { WebSocket } from the package ws');
}
