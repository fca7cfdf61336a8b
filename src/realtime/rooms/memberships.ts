import { USER_ROOM } from '../../protocol/names.js';
import type { Member } from './local-room.js';

/** In how many rooms a connection is found by looking at each: a Map has its price for every connection. */
const MOST_WITHOUT_MAP = 8;

/** The rooms that one connection is in, by the names that its frames use. */
export class Memberships {
  /** All of them, or none once there is a Map. */
  private few: Member[] = [];
  private many: Map<string, Member> | undefined;

  /** How many rooms it joined; the room of its user, which it did not choose, is none of them. */
  get joined(): number {
    return (this.many?.size ?? this.few.length) - (this.get(USER_ROOM) ? 1 : 0);
  }

  get(room: string): Member | undefined {
    if (this.many) return this.many.get(room);
    for (const member of this.few) if (nameOf(member) === room) return member;
    return undefined;
  }

  list(): Member[] {
    return this.many ? [...this.many.values()] : [...this.few];
  }

  /** @internal */
  add(member: Member): void {
    this.delete(this.get(nameOf(member)));
    if (!this.many && this.few.length === MOST_WITHOUT_MAP) {
      this.many = new Map(this.few.map((one) => [nameOf(one), one]));
      this.few = [];
    }
    if (this.many) this.many.set(nameOf(member), member);
    else this.few = this.few.concat(member); // As long as it is: `push` would make room for 17.
  }

  /** @internal */
  delete(member: Member | undefined): void {
    if (!member || this.get(nameOf(member)) !== member) return;
    if (this.many) this.many.delete(nameOf(member));
    else this.few = this.few.filter((other) => other !== member);
  }
}

function nameOf(member: Member): string {
  return member.room.at.room;
}
