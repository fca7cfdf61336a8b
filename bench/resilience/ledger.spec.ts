import { describe, expect, it } from '@jest/globals';
import { Ledger, sumOf } from './ledger.js';

function ledgerOf(...numbers: number[]): Ledger {
  const ledger = new Ledger();
  for (const number of numbers) ledger.receive(number);
  return ledger;
}

describe('the ledger of a swarm', () => {
  it.each([
    ['nothing', [1, 2, 3], { delivered: 3, lost: 0, doubled: 0, disordered: 0 }],
    ['a hole', [1, 3], { delivered: 2, lost: 1, doubled: 0, disordered: 0 }],
    ['what came after the last one', [1, 2], { delivered: 2, lost: 1, doubled: 0, disordered: 0 }],
    ['a double', [1, 2, 2, 3], { delivered: 3, lost: 0, doubled: 1, disordered: 0 }],
    ['an old one that comes again', [1, 2, 3, 1], { delivered: 3, lost: 0, doubled: 1, disordered: 0 }],
    ['a late one', [1, 3, 2], { delivered: 3, lost: 0, doubled: 0, disordered: 1 }],
  ])('finds %s', (_what, numbers, counts) => {
    expect(ledgerOf(...numbers).counts(3)).toEqual(counts);
  });

  it('adds up what each client got', () => {
    expect(sumOf([ledgerOf(1, 2), ledgerOf(2, 1, 1), ledgerOf()], 2)).toEqual({
      delivered: 4,
      lost: 2,
      doubled: 1,
      disordered: 1,
    });
  });
});
