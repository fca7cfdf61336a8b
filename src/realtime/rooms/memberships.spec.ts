import { describe, expect, it } from '@jest/globals';
import type { Member } from './local-room.js';
import { Memberships } from './memberships.js';

function memberOf(room: string): Member {
  return { room: { at: { room } } } as Member;
}

describe('Memberships', () => {
  it.each([2, 8, 9, 100])('of %d rooms are found by name, listed in the order of joining, and taken out', (count) => {
    const memberships = new Memberships();
    const members = Array.from({ length: count }, (_, i) => memberOf(`r${i}`));
    for (const member of members) memberships.add(member);
    expect(memberships.list()).toEqual(members);
    expect(members.map(({ room }) => memberships.get(room.at.room))).toEqual(members);
    expect(memberships.get('other')).toBeUndefined();
    memberships.delete(members[0]);
    expect(memberships.get('r0')).toBeUndefined();
    expect(memberships.list()).toEqual(members.slice(1));
    for (const member of members) memberships.delete(member);
    expect(memberships.list()).toEqual([]);
  });

  it('do not count the room of the user', () => {
    const memberships = new Memberships();
    memberships.add(memberOf('@me'));
    memberships.add(memberOf('a'));
    expect(memberships.joined).toBe(1);
  });

  it('have the newest member of a room, and keep it when an older one is taken out', () => {
    const memberships = new Memberships();
    const [older, newer] = [memberOf('a'), memberOf('a')];
    memberships.add(older);
    memberships.add(newer);
    memberships.delete(older);
    expect(memberships.list()).toEqual([newer]);
  });
});
