import { describe, expect, it } from '@jest/globals';
import { isFrameId, isRoomName, isUuid, reservedFields, reservedTypes } from './names.js';
import { errorCodeTable, isTemporary } from './error-codes.js';

describe('room names (HS1)', () => {
  it.each(['a', 'General', 'a.b', '...', 'a@b', '~', '+', '-', ':', '_', 'x'.repeat(128)])('%s is one', (name) => {
    expect(isRoomName(name)).toBe(true);
  });

  it.each<unknown>([
    '',
    '.',
    '..',
    '@',
    '@me',
    'a/b',
    'a b',
    'é',
    'a\n',
    'a%',
    'a\u0000',
    'x'.repeat(129),
    7,
    null,
    undefined,
    ['a'],
  ])('%p is none', (name) => {
    expect(isRoomName(name)).toBe(false);
  });
});

describe('frame ids (CL2)', () => {
  it('are texts of 1 to 64 characters', () => {
    expect([isFrameId('x'), isFrameId('x'.repeat(64))]).toEqual([true, true]);
    for (const id of ['', 'x'.repeat(65), 7, null, undefined, {}]) expect(isFrameId(id)).toBe(false);
  });

  it('of anonymous senders are UUIDs', () => {
    expect(isUuid('0189C0DE-0000-7000-8000-000000000000')).toBe(true);
    for (const id of [
      '',
      'x',
      '0189c0de00007000800000000000000',
      '0189c0de-0000-7000-8000-00000000000g',
      '{0189c0de-0000-7000-8000-000000000000}',
    ]) {
      expect(isUuid(id)).toBe(false);
    }
  });
});

describe('what the protocol keeps for itself', () => {
  it('has the types and fields that PROTOCOL.md names', () => {
    expect([...reservedTypes].sort()).toEqual([
      'ack',
      'auth',
      'error',
      'history',
      'join',
      'joined',
      'leave',
      'left',
      'ping',
      'pong',
      'presence',
      'system',
      'welcome',
    ]);
    expect([...reservedFields].sort()).toEqual(['id', 'offset', 'room', 'timestamp', 'type', 'user', 'userId']);
  });

  it('says which errors are temporary; codes that it does not know are final', () => {
    const temporary = Object.keys(errorCodeTable).filter(isTemporary);
    expect(temporary.sort()).toEqual(['internal', 'rate_limited', 'unavailable']);
    for (const code of ['', 'new_code', 'toString', '__proto__']) expect(isTemporary(code)).toBe(false);
  });

  it('counts the four faults of CL5 and no other', () => {
    const counted = Object.entries(errorCodeTable).filter(([, row]) => row.counts);
    expect(counted.map(([code]) => code).sort()).toEqual([
      'bad_frame',
      'invalid_payload',
      'not_in_room',
      'unknown_type',
    ]);
  });
});
