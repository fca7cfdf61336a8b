import { describe, expect, it } from '@jest/globals';
import type { Position } from '../broker/broker.js';
import { isGoodCursor, isRecoverable } from './cursor-verdict.js';

function position(more: Partial<Position> = {}): Position {
  return { epoch: 'now', top: 10, oldest: 1, ancestors: [], ...more };
}

describe('isGoodCursor (RC1)', () => {
  it.each([
    [0, true],
    [10, true],
    [11, false],
  ])('of the present epoch, at %i of 10: %s', (offset, good) => {
    expect(isGoodCursor({ epoch: 'now', offset }, position())).toBe(good);
  });

  it('of an ancestor, at or below what survived of it and of every later one', () => {
    const ancestors = [
      { epoch: 'b', top: 7 },
      { epoch: 'a', top: 9 },
    ];
    const at = (epoch: string, offset: number): boolean => isGoodCursor({ epoch, offset }, position({ ancestors }));
    expect([at('b', 7), at('b', 8)]).toEqual([true, false]);
    expect([at('a', 7), at('a', 8), at('a', 9)]).toEqual([true, false, false]);
    expect(at('unknown', 0)).toBe(false);
  });

  it('of an ancestor is no better than the present top', () => {
    expect(isGoodCursor({ epoch: 'a', offset: 5 }, position({ top: 3, ancestors: [{ epoch: 'a', top: 9 }] }))).toBe(
      false,
    );
  });
});

describe('isRecoverable (RC2)', () => {
  it.each([
    [4, true],
    [5, true],
    [3, false],
    [10, true],
    [11, false],
  ])('with frames from 5 on retained, a cursor at %i: %s', (offset, recoverable) => {
    expect(isRecoverable({ epoch: 'now', offset }, position({ oldest: 5 }))).toBe(recoverable);
  });

  it('nothing is owed at the top, though nothing is retained', () => {
    expect(isRecoverable({ epoch: 'now', offset: 10 }, position({ oldest: 11 }))).toBe(true);
    expect(isRecoverable({ epoch: 'now', offset: 9 }, position({ oldest: 11 }))).toBe(false);
  });
});
