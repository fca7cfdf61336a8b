import { describe, expect, it } from '@jest/globals';
import { BufferBudget } from './buffer-budget.js';

function reader(pendingBytes: number) {
  const one = {
    open: true,
    abandoned: false,
    closedWith: 0,
    outbox: { pendingBytes },
    close(code: number) {
      one.open = false;
      one.closedWith = code;
    },
    abandon() {
      one.abandoned = true;
    },
  };
  return one;
}

describe('BufferBudget (CN2)', () => {
  it('lets the longest queues go first, as few as it takes', () => {
    const readers = [reader(10), reader(500), reader(40), reader(300), reader(250)];
    const budget = new BufferBudget(700, () => readers);
    budget.spend(701);
    expect(readers.map(({ closedWith }) => closedWith)).toEqual([0, 4002, 0, 0, 0]);
    expect(readers.map(({ abandoned }) => abandoned)).toEqual([false, true, false, false, false]);
  });

  it('looks at no queue before so many bytes were queued that the limit could be passed', () => {
    let looks = 0;
    const budget = new BufferBudget(1_000, () => {
      looks += 1;
      return [reader(100)];
    });
    for (let n = 0; n < 10; n += 1) budget.spend(100);
    expect(looks).toBe(0);
    budget.spend(1);
    expect(looks).toBe(1); // 100 are there, so 900 more may come.
    for (let n = 0; n < 9; n += 1) budget.spend(100);
    expect(looks).toBe(1);
  });

  it('counts nobody who is being closed, and closes nobody twice', () => {
    const closing = Object.assign(reader(5_000), { open: false });
    const readers = [closing, reader(600)];
    new BufferBudget(1_000, () => readers).spend(2_000);
    expect(readers.map(({ closedWith }) => closedWith)).toEqual([0, 0]);
  });

  it('bears any number at 0', () => {
    const readers = [reader(Number.MAX_SAFE_INTEGER)];
    new BufferBudget(0, () => readers).spend(Number.MAX_SAFE_INTEGER);
    expect(readers[0]!.closedWith).toBe(0);
  });
});
