import { USER_ROOM, parseJson, reservedTypes } from '../../protocol/index.js';
import type { AckFrame, JoinedFrame, WelcomeFrame } from '../../protocol/index.js';
import type { Clock, Timer } from '../clock.js';
import { createFrameId } from '../frame-id.js';
import type { AnswerFrame } from '../outbox.js';
import { Pacer } from '../pacer.js';
import type { IncomingFrame } from '../transport.js';
import { SharedRoom } from './shared-room.js';
import type { SharedRoomLink } from './shared-room.js';

/** What {@link SharedConnection} needs. */
export interface SharedConnectionOptions {
  readonly welcome: WelcomeFrame;
  readonly clock: Clock;
  /** Writes to the real connection. */
  readonly write: (text: string) => void;
  /** Hands a frame to sockets. */
  readonly emit: (to: readonly string[], text: string) => void;
  /** Says whether a socket is that of the tab which made the connection. */
  readonly isMaker: (socket: string) => boolean;
}

/** What a socket has handed over and has not left yet, in its order. `undefined` in it: the socket is gone. */
type Queue = ({ readonly frame: IncomingFrame; readonly text: string } | undefined)[];

/**
 * A welcomed connection, shared by sockets: what each of them sends leaves in its order, all of them together within
 * the server's rate (CL7); an answer goes to who asked, a frame to those who are in its room, the rest to everybody.
 */
export class SharedConnection {
  readonly #queues = new Map<string, Queue>();
  readonly #rooms = new Map<string, SharedRoom>();
  readonly #userRoom: SharedRoom;
  /** By the id of the question, while it is with the server. */
  readonly #answers = new Map<string, (frame: AnswerFrame, text: string) => void>();
  /** What the hub itself asks. */
  readonly #own: string[] = [];
  readonly #pacer: Pacer;
  readonly #link: SharedRoomLink;
  #welcome: WelcomeFrame;
  #pause: Timer | undefined;

  constructor(private readonly options: SharedConnectionOptions) {
    this.#welcome = options.welcome;
    this.#pacer = new Pacer(options.welcome.limits, options.clock.now());
    this.#link = {
      clock: options.clock,
      emit: (to, frame) => {
        if (to.length > 0) options.emit(to, typeof frame === 'string' ? frame : JSON.stringify(frame));
      },
      ask: (frame, answer) => {
        const id = createFrameId();
        this.#answers.set(id, answer);
        this.#own.push(JSON.stringify({ ...frame, id }));
        this.#pump();
      },
    };
    this.#userRoom = new SharedRoom(USER_ROOM, this.#link);
  }

  /** The sockets that are on this connection. */
  get sockets(): string[] {
    return [...this.#queues].flatMap(([socket, queue]) =>
      queue.at(-1) === undefined && queue.length > 0 ? [] : [socket],
    );
  }

  /** Welcomes a socket, that of the maker first. `me`: its cursor of the user's own room. */
  attach(socket: string, me: string | undefined): void {
    if (this.#queues.has(socket)) return;
    this.#queues.set(socket, []);
    // Who made the connection keeps it alive with a token of its own: the others need not know when that ends.
    const welcome = this.options.isMaker(socket) ? this.#welcome : { ...this.#welcome, expiresAt: undefined };
    this.#link.emit([socket], welcome);
    this.#userRoom.place(this.#userRoom.enter(socket, me));
  }

  /** A socket sends a frame. */
  send(socket: string, text: string): void {
    const queue = this.#queues.get(socket);
    if (!queue) return;
    const frame = readFrame(text);
    if (!frame || frame.type === 'pong') return; // The server's ping is answered already.
    if (frame.type === 'ping') return this.options.write(text);
    if (frame.type === 'auth') return this.#refresh(socket, frame['id'], text);
    queue.push({ frame, text });
    this.#pump();
  }

  /** A socket is gone. What it handed over before still leaves, then it is out of its rooms. */
  detach(socket: string): void {
    this.#userRoom.leave(socket);
    this.#queues.get(socket)?.push(undefined);
    this.#pump();
  }

  /** The server sent a frame. */
  receive(text: string): void {
    const frame = readFrame(text);
    if (!frame) return;
    if (frame.type === 'ping') this.options.write('{"type":"pong"}');
    if (reservedTypes.has(frame.type)) this.#pacer.answered(String(frame['id']), this.options.clock.now());
    const answer = reservedTypes.has(frame.type) ? this.#answers.get(frame['id'] as string) : undefined;
    const room = this.#roomOf(frame);
    if (answer) {
      this.#answers.delete(frame['id'] as string);
      answer(frame as unknown as AnswerFrame, text);
      this.#pump(); // A frame of the same id may have waited for this.
    } else if (room === this.#userRoom && frame.type === 'joined') {
      room.joinedUnasked(frame as unknown as JoinedFrame, text);
    } else if (room) {
      room.receive(frame, text);
      this.#tidy(room);
    } else this.#link.emit(this.sockets, text); // FR8: it may mean something to them.
  }

  /** The connection ended. */
  end(): void {
    this.#pause?.cancel();
    this.#queues.clear();
    this.#answers.clear();
    for (const room of this.#rooms.values()) room.end();
    this.#userRoom.end();
  }

  #roomOf({ room }: IncomingFrame): SharedRoom | undefined {
    return room === USER_ROOM ? this.#userRoom : this.#rooms.get(room as string);
  }

  /** In-band refresh (AU1), by the maker alone: another tab's token never comes here. */
  #refresh(socket: string, id: unknown, text: string): void {
    if (!this.options.isMaker(socket) || typeof id !== 'string') return;
    this.#answers.set(id, (frame, answer) => {
      const { data } = frame as AckFrame;
      const { expiresAt } = (data ?? {}) as { expiresAt?: number };
      if (frame.type === 'ack') this.#welcome = { ...this.#welcome, expiresAt };
      this.#link.emit([socket], answer);
    });
    this.options.write(text); // It doesn't count (CL7).
  }

  /** Writes what may leave now: what the hub asks first, then socket by socket. */
  #pump(): void {
    const { clock, write } = this.options;
    this.#pause?.cancel();
    for (;;) {
      const waitMs = this.#pacer.waitMs(clock.now());
      if (waitMs > 0) {
        const question = waitMs < Infinity ? undefined : this.#pacer.question();
        if (waitMs < Infinity) this.#pause = clock.after(waitMs, () => this.#pump());
        else if (question) write(question);
        return;
      }
      const text = this.#own.shift() ?? this.#take();
      if (text === undefined) return;
      const id = readFrame(text)?.['id'];
      if (typeof id === 'string') this.#pacer.sent(id);
      else this.#pacer.spend();
      write(text);
    }
  }

  /** The next frame for the server; its socket goes to the end of the line. */
  #take(): string | undefined {
    for (const [socket, queue] of [...this.#queues]) {
      while (queue.length > 0) {
        const id = queue[0]?.frame['id'] as string | undefined;
        // Two tabs may use one id (CL2): the second one's turn is when the first one has its answer.
        if (id !== undefined && this.#answers.has(id)) break;
        const next = queue.shift();
        const out = next ? this.#route(socket, next.frame, next.text) : this.#gone(socket);
        if (out === undefined) continue;
        this.#queues.delete(socket);
        this.#queues.set(socket, queue);
        return out;
      }
    }
    return undefined;
  }

  /** What goes to the server for a frame; `undefined` where it is answered here. */
  #route(socket: string, frame: IncomingFrame, text: string): string | undefined {
    const { id } = frame as { id?: string };
    if (frame.type === 'join') return this.#join(socket, frame);
    if (frame.type === 'leave') return this.#leave(socket, frame, text);
    if (id !== undefined) this.#answers.set(id, (_frame, answer) => this.#link.emit([socket], answer));
    return text;
  }

  #join(socket: string, frame: IncomingFrame): string {
    const { id, room: name, since } = frame as unknown as { id: string; room: string; since?: string };
    const room = this.#rooms.get(name) ?? new SharedRoom(name, this.#link);
    this.#rooms.set(name, room);
    const member = room.enter(socket, since);
    this.#answers.set(id, (answer) => {
      room.answered(member, answer);
      this.#tidy(room);
    });
    return JSON.stringify({ ...frame, since: member.first ? since : undefined });
  }

  /** Only the last one in the room leaves it for real. */
  #leave(socket: string, frame: IncomingFrame, text: string): string | undefined {
    const { id, room: name } = frame as unknown as { id: string; room: string };
    const room = this.#rooms.get(name);
    if (room?.leave(socket) && room.isEmpty) {
      this.#rooms.delete(name);
      this.#answers.set(id, (_frame, answer) => this.#link.emit([socket], answer));
      return text;
    }
    this.#link.emit([socket], { type: 'left', id, room: name, reason: 'left' });
    return undefined;
  }

  #gone(socket: string): undefined {
    this.#queues.delete(socket);
    for (const room of this.#rooms.values()) if (room.leave(socket)) this.#tidy(room);
  }

  /** A room in which nobody is any more is left, where the real connection still is in it. */
  #tidy(room: SharedRoom): void {
    if (!room.isOver || this.#rooms.get(room.name) !== room) return;
    this.#rooms.delete(room.name);
    if (room.isJoined) this.#link.ask({ type: 'leave', room: room.name }, () => undefined);
  }
}

function readFrame(text: string): IncomingFrame | undefined {
  const frame = parseJson(text) as IncomingFrame | null | undefined;
  return typeof frame?.type === 'string' ? frame : undefined;
}
