import { describe, expect, it } from '@jest/globals';
import { BufferBudget } from './buffer-budget.js';

/** What is judged, is judged two turns of the event loop later. */
const judged = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

function reader(pendingBytes: number, chunkBytes = 0, read = 0) {
  const one = {
    open: true,
    dismissed: false,
    outbox: {
      pendingBytes,
      chunkBytes,
      /** The kernel takes what the peer reads. */
      flush() {
        this.pendingBytes -= read;
      },
    },
    dismiss() {
      one.open = false;
      one.dismissed = true;
    },
  };
  return one;
}

describe('BufferBudget (CN2)', () => {
  it('lets the longest queues go first, as few as it takes', async () => {
    const readers = [reader(10), reader(500), reader(40), reader(300), reader(250)];
    const budget = new BufferBudget(700, () => readers);
    budget.spend(701);
    await judged();
    expect(readers.map(({ dismissed }) => dismissed)).toEqual([false, true, false, false, false]);
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

  it('counts nobody who is being closed, and closes nobody twice', async () => {
    const closing = Object.assign(reader(5_000), { open: false });
    const readers = [closing, reader(600)];
    new BufferBudget(1_000, () => readers).spend(2_000);
    await judged();
    expect(readers.map(({ dismissed }) => dismissed)).toEqual([false, false]);
  });

  it('bears any number at 0', () => {
    const readers = [reader(Number.MAX_SAFE_INTEGER)];
    new BufferBudget(0, () => readers).spend(Number.MAX_SAFE_INTEGER);
    expect(readers[0]!.dismissed).toBe(false);
  });

  it('judges nobody by what was not offered to the peers yet', async () => {
    const readers = Array.from({ length: 40 }, () => reader(50, 0, 50));
    new BufferBudget(1_000, () => readers).spend(2_000);
    await judged();
    expect(readers.every(({ dismissed }) => !dismissed)).toBe(true);
  });

  it('RC5 takes chunks of replays last', async () => {
    const readers = [reader(600, 600), reader(500), reader(100)];
    const budget = new BufferBudget(800, () => readers);
    budget.spend(1_200);
    await judged();
    expect(readers.map(({ dismissed }) => dismissed)).toEqual([false, true, false]);
  });
});
