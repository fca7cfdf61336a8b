import { USER_ROOM } from '../../protocol/names.js';
import type { Member } from './local-room.js';

/** The rooms that one connection is in, by the names that its frames use. */
export class Memberships {
  private readonly members = new Map<string, Member>();

  /** How many rooms it joined; the room of its user, which it did not choose, is none of them. */
  get joined(): number {
    return this.members.size - (this.members.has(USER_ROOM) ? 1 : 0);
  }

  get(room: string): Member | undefined {
    return this.members.get(room);
  }

  list(): Member[] {
    return [...this.members.values()];
  }

  /** @internal */
  add(member: Member): void {
    this.members.set(member.room.at.room, member);
  }

  /** @internal */
  delete(member: Member): void {
    if (this.members.get(member.room.at.room) === member) this.members.delete(member.room.at.room);
  }
}
