import { formatCursor, parseCursor } from '../../protocol/index.js';
import type { Cursor, HistoryFrame, JoinedFrame } from '../../protocol/index.js';
import type { Clock, Timer } from '../clock.js';
import { RetryWait } from '../retry-wait.js';
import type { AnswerFrame } from '../outbox.js';
import type { IncomingFrame } from '../transport.js';

/** What one `history` brings at most (CL4). */
const PAGE_FRAMES = 100;

/** What a {@link SharedRoom} sees of the connection. */
export interface SharedRoomLink {
  readonly clock: Clock;
  emit(to: readonly string[], frame: string | object): void;
  /** Asks the server in the hub's own name. Never answered where the connection ends before. */
  ask(frame: { readonly type: string; readonly room: string }, answer: (frame: AnswerFrame) => void): void;
}

/** One tab's socket in the room. */
export interface Member {
  readonly socket: string;
  /** Its join takes its cursor to the server: nobody joined before. */
  readonly first: boolean;
  /** The cursor that it gave; `undefined`: it begins where the room is. */
  readonly since: string | undefined;
  /** `joining`: not answered yet. `behind`: what it lacks is being read, and what is newer waits in `backlog`. */
  state: 'joining' | 'behind' | 'live';
  readonly backlog: string[];
  retry?: Timer;
}

/**
 * One room of the connection that the tabs share, and which of their sockets are in it.
 *
 * The real connection is in it once. A socket that comes later and has a cursor gets what it lacks from `history`,
 * complete and in order, before anything newer; where that can't be had it gets `recovered: false` and nothing of the
 * gap (RC1, RC2). Nothing is lost or repeated at the seam: a socket owes up to `position` as it is in the moment in which
 * the server answered its join, and every frame after that waits for it.
 */
export class SharedRoom {
  /** After which frame the real connection goes on; `undefined` while it is not in the room. */
  #position: Cursor | undefined;
  readonly #members = new Map<string, Member>();
  /** Joins that are with the server. */
  #asked = 0;

  constructor(
    readonly name: string,
    private readonly link: SharedRoomLink,
  ) {}

  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** No socket is in it, and the server has no join of it before itself. */
  get isOver(): boolean {
    return this.isEmpty && this.#asked === 0;
  }

  /** The real connection is in the room. */
  get isJoined(): boolean {
    return this.#position !== undefined;
  }

  /**
   * A socket wants to join. Every join goes to the server, which answers at once whoever is in the room (CL3), with the
   * present number of members; only that of the first one takes its cursor along.
   */
  enter(socket: string, since: string | undefined): Member {
    const first = this.isOver && !this.isJoined;
    this.#asked += 1;
    const member: Member = { socket, first, since, state: 'joining', backlog: [] };
    this.#members.set(socket, member);
    return member;
  }

  /** A socket is not in the room any more. Says whether it was. */
  leave(socket: string): boolean {
    this.#members.get(socket)?.retry?.cancel();
    return this.#members.delete(socket);
  }

  /** The server's answer to the join of a socket. */
  answered(member: Member, frame: AnswerFrame): void {
    this.#asked -= 1;
    const stays = this.#members.get(member.socket) === member;
    if (frame.type !== 'joined') {
      if (stays) this.leave(member.socket);
      return this.link.emit([member.socket], frame);
    }
    if (member.first || !this.#position) this.#position = parseCursor(frame.cursor);
    if (stays && !member.first) return this.#place(member, frame);
    member.state = 'live';
    this.link.emit([member.socket], frame);
  }

  /**
   * The server joined the user's own room, unasked, from the cursor of whoever connected (FR7, HS6): an answer to all
   * who entered. Again, later: a new epoch.
   */
  joinedUnasked(frame: JoinedFrame, text: string): void {
    const isAnswer = !this.isJoined;
    this.receive(frame as unknown as IncomingFrame, text);
    if (isAnswer) for (const member of [...this.#members.values()]) this.answered(member, frame);
  }

  /** A socket comes to a room in which the real connection is, and there is nothing to ask the server. */
  place(member: Member): void {
    if (this.#position)
      this.#place(member, { type: 'joined', room: this.name, cursor: textOf(this.#position), members: 1 });
  }

  /** A frame of this room that answers nothing. */
  receive(frame: IncomingFrame, text: string): void {
    if (frame.type === 'left') return this.#out(text);
    if (frame.type === 'joined') this.#position = parseCursor(frame['cursor']) ?? this.#position;
    const { offset } = frame as { offset?: number };
    if (offset !== undefined && this.#position) this.#position = { epoch: this.#position.epoch, offset };
    const live: string[] = [];
    for (const member of this.#members.values()) {
      if (member.state === 'behind') member.backlog.push(text);
      else if (member.state === 'live') live.push(member.socket);
    }
    this.link.emit(live, text);
  }

  /** The connection ended. */
  end(): void {
    for (const { retry } of this.#members.values()) retry?.cancel();
  }

  /** The server put the connection out. Whoever is still joining has an answer of its own to come. */
  #out(text: string): void {
    this.#position = undefined;
    const told = [...this.#members.values()].filter(({ state }) => state !== 'joining').map(({ socket }) => socket);
    for (const socket of told) this.leave(socket);
    this.link.emit(told, text);
  }

  #place(member: Member, joined: JoinedFrame): void {
    const position = this.#position as Cursor;
    if (member.since === undefined || member.since === textOf(position)) {
      member.state = 'live';
      const recovered = member.since === undefined ? undefined : true;
      return this.link.emit([member.socket], { ...joined, cursor: textOf(position), recovered });
    }
    member.state = 'behind';
    const since = parseCursor(member.since);
    if (since) this.#readOn(member, joined, since, position, new RetryWait());
    else this.#giveUp(member, joined, position);
  }

  /**
   * Reads what lies between a member and the position that it owes. The server's answer is also the verdict on a cursor
   * that is ahead of this connection, or of an epoch of before: `not_found` where it is not good.
   */
  #readOn(member: Member, joined: JoinedFrame, from: Cursor, owed: Cursor, retry: RetryWait): void {
    const question = { type: 'history', room: this.name, since: textOf(from), limit: PAGE_FRAMES };
    this.link.ask(question, (answer) => {
      if (this.#members.get(member.socket) !== member) return; // It left meanwhile.
      if (answer.type === 'history') return this.#takePage(member, joined, from, owed, answer);
      const waitMs = answer.type === 'error' ? retry.after(answer) : undefined;
      if (waitMs === undefined) return this.#giveUp(member, joined, owed);
      member.retry = this.link.clock.after(waitMs, () => this.#readOn(member, joined, from, owed, retry));
    });
  }

  #takePage(member: Member, joined: JoinedFrame, from: Cursor, owed: Cursor, page: HistoryFrame): void {
    const frames = page.frames.filter(({ offset = Infinity }) => offset <= owed.offset);
    const goesOn = frames[0]?.offset === from.offset + 1 && parseCursor(page.cursor)?.epoch === owed.epoch;
    if (from.offset < owed.offset && !goesOn) return this.#giveUp(member, joined, owed);
    const isFirstPage = textOf(from) === member.since;
    if (isFirstPage) {
      const cursor = formatCursor(owed.epoch, from.offset);
      this.link.emit([member.socket], { ...joined, cursor, recovered: true });
    }
    for (const frame of frames) this.link.emit([member.socket], frame);
    const offset = frames.at(-1)?.offset ?? from.offset;
    if (offset >= owed.offset) this.#catchUp(member);
    else this.#readOn(member, { ...joined, id: undefined }, { epoch: owed.epoch, offset }, owed, new RetryWait());
  }

  /** What it lacks can't be had: it goes on at the position, and is told so. What was sent before stands (RC5). */
  #giveUp(member: Member, joined: JoinedFrame, owed: Cursor): void {
    this.link.emit([member.socket], { ...joined, cursor: textOf(owed), recovered: false });
    this.#catchUp(member);
  }

  #catchUp(member: Member): void {
    member.state = 'live';
    for (const text of member.backlog.splice(0)) this.link.emit([member.socket], text);
  }
}

function textOf({ epoch, offset }: Cursor): string {
  return formatCursor(epoch, offset);
}
