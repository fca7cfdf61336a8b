import { describe, expect, it } from '@jest/globals';
import { ClaimRoomPolicy } from './claim-room-policy.js';
import type { Identity } from './identity.js';
import type { RoomTarget } from './room-policy.js';

function identity(claims: Record<string, unknown>): Identity {
  return { id: 'u', name: 'u', claims, anonymous: false };
}

function target(address: string): RoomTarget {
  const [namespace = '', name = ''] = address.split('/');
  return { namespace, name, address };
}

function opens(rooms: unknown, address: string): boolean {
  return new ClaimRoomPolicy().mayJoin(identity({ rooms }), target(address));
}

describe('a pattern', () => {
  it.each([
    ['general', 'chat/general', true],
    ['general', 'chat/general2', false],
    ['general', 'chat/General', false],
    ['general', 'other/general', true],
    ['team-*', 'chat/team-', true],
    ['team-*', 'chat/team-a', true],
    ['team-*', 'chat/a-team-a', false],
    ['*-team', 'chat/a-team', true],
    ['*-team', 'chat/a-team-b', false],
    ['a*a', 'chat/a', false],
    ['a*a', 'chat/aa', true],
    ['a*b*a', 'chat/aba', true],
    ['a*ba*a', 'chat/aba', false],
    ['a*b*c*d', 'chat/a.b.b.c.d', true],
    ['a*b*c*d', 'chat/a.c.b.d', false],
    ['a**b', 'chat/ab', true],
    ['*', 'chat/anything', true],
    ['', 'chat/general', false],
    ['chat/team-*', 'chat/team-a', true],
    ['chat/team-*', 'other/team-a', false],
    ['chat/*', 'chat/general', true],
    ['chat*', 'chat/general', false],
    ['*/general', 'other/general', true],
    ['/general', 'chat/general', false],
    ['chat/', 'chat/general', false],
    ['chat/general/x', 'chat/general', false],
    ['gener.l', 'chat/general', false],
    ['gener?l', 'chat/general', false],
    ['[a-z]*', 'chat/general', false],
    ['.*', 'chat/general', false],
    ['general|admin', 'chat/admin', false],
  ])('%s and the room %s: %s', (pattern, address, expected) => {
    expect(opens([pattern], address)).toBe(expected);
    expect(opens(['nothing-else', pattern], address)).toBe(expected);
  });

  it('agrees with what it means, written as a regular expression', () => {
    const words = (alphabet: string, length: number): string[] =>
      length === 0
        ? ['']
        : words(alphabet, length - 1).flatMap((word) => [word, ...Array.from(alphabet, (c) => word + c)]);
    for (const pattern of new Set(words('ab*', 5))) {
      const meant = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
      for (const name of new Set(words('ab', 5))) {
        if (name !== '')
          expect([pattern, name, opens([pattern], `chat/${name}`)]).toEqual([pattern, name, meant.test(name)]);
      }
    }
  });

  it('made to be slow ends all the same', () => {
    // A matcher that tries every way would need longer than the universe has existed.
    const pattern = `${'a*'.repeat(127)}b`;
    const patterns = Array.from({ length: 1_000 }, () => pattern);
    expect(opens(patterns, `chat/${'a'.repeat(128)}`)).toBe(false);
  });
});

describe('a claim', () => {
  it.each([
    ['that is missing', undefined],
    ['that is null', null],
    ['that is a text', 'general'],
    ['that is a star', '*'],
    ['that is true', true],
    ['that is an object', { 0: 'general', length: 1 }],
    ['that is an empty list', []],
    ['with something that is no text', ['general', 7]],
    ['with a list in a list', [['general']]],
    ['with too many patterns', Array.from({ length: 1_001 }, () => 'general')],
    ['with a pattern that is too long', ['general', 'x'.repeat(257)]],
  ])('%s opens nothing', (_what, rooms) => {
    expect(opens(rooms, 'chat/general')).toBe(false);
  });

  it('opens a room to publish as it does to join', () => {
    const policy = new ClaimRoomPolicy();
    const who = identity({ rooms: ['general'] });
    expect(policy.mayPublish(who, target('chat/general'))).toBe(true);
    expect(policy.mayPublish(who, target('chat/other'))).toBe(false);
  });

  it('may have another name, also one that looks like a URL', () => {
    const policy = new ClaimRoomPolicy({ claim: 'https://app.example/rooms' });
    expect(policy.mayJoin(identity({ 'https://app.example/rooms': ['a'] }), target('chat/a'))).toBe(true);
    expect(policy.mayJoin(identity({ rooms: ['a'] }), target('chat/a'))).toBe(false);
  });

  it('is nothing that claims merely inherit', () => {
    const claims = Object.create({ rooms: ['general'] }) as Record<string, unknown>;
    expect(new ClaimRoomPolicy().mayJoin(identity(claims), target('chat/general'))).toBe(false);
  });
});
