import type { FrameUser, SystemFrame } from '../protocol/index.js';
import type { ClientRoom, PayloadMap } from './room.js';

export type { FrameUser } from '../protocol/index.js';

/** How long it waits, for others that come or go together, before it asks the server again. */
const SETTLE_MS = 500;
/** Users that one answer holds (CL4). */
const PAGE = 100;

/**
 * Who is in a room: asked for at each `joined`, then kept by what the room tells. Where the list and the room's
 * `members` differ, it asks again, once: what differs still after the answer is the server's own view, and only another
 * difference is worth another question. One question is under way at a time; of a room that is larger than one answer
 * none after the first. An entry of its own, `rookery/client/roster`: who shows no list does not load it.
 */
export class Roster<Payloads extends object = PayloadMap> {
  /** In the order of the server's list, those who came after it at the end. A new array for each change. */
  users: readonly FrameUser[] = [];
  /** By how much `members` exceeded the list after the last answer. */
  #accepted = 0;
  #isAsking = false;
  #joinedMeanwhile = false;
  /** What was told while the question was under way: the answer may be older, or newer. */
  #toldMeanwhile: SystemFrame[] = [];
  #settling: ReturnType<typeof setTimeout> | undefined;
  readonly #ends: readonly (() => void)[];

  /** `changed` is called whenever {@link users} is another list. */
  constructor(
    private readonly room: ClientRoom<Payloads>,
    private readonly changed: () => void,
  ) {
    this.#ends = [room.on('joined', () => this.#joined()), room.on('system', (frame) => this.#told(frame))];
    if (room.status === 'joined') this.#joined();
  }

  /** Follows the room no longer. */
  end(): void {
    clearTimeout(this.#settling);
    for (const end of this.#ends) end();
  }

  #joined(): void {
    this.#toldMeanwhile = []; // A question that is under way is answered on this connection.
    this.#joinedMeanwhile = this.#isAsking;
    void this.#ask();
  }

  #told(frame: SystemFrame): void {
    if (this.#isAsking) this.#toldMeanwhile.push(frame);
    this.#become(applied(this.users, frame));
    if (!this.#isAsking && this.#differs()) this.#settling ??= setTimeout(() => this.#settled(), SETTLE_MS);
  }

  #settled(): void {
    this.#settling = undefined;
    if (this.#differs()) void this.#ask();
  }

  /** Says whether the list is wrong in another way than after the last answer, and an answer could mend it. */
  #differs(): boolean {
    const { members } = this.room;
    return members <= PAGE && members - this.users.length !== this.#accepted;
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    clearTimeout(this.#settling);
    this.#settling = undefined;
    this.#isAsking = true;
    try {
      const { users } = await this.room.presence();
      this.#become(this.#toldMeanwhile.reduce(applied, users));
      this.#accepted = this.room.members - this.users.length;
      this.#joinedMeanwhile = false;
    } catch {
      // Cut or left: `joined` asks again. Busy: the next difference does.
    }
    this.#isAsking = false;
    this.#toldMeanwhile = [];
    if (this.#joinedMeanwhile) this.#joined();
  }

  #become(users: readonly FrameUser[]): void {
    this.users = users;
    this.changed();
  }
}

function applied(users: readonly FrameUser[], { event, userId, user }: SystemFrame): readonly FrameUser[] {
  const others = users.filter(({ id }) => id !== userId);
  return event === 'joined' ? [...others, { id: userId, name: user }] : others;
}
