import { describe, expect, it } from '@jest/globals';
import { farewell } from './farewells.js';

describe('farewell', () => {
  it('does a few at once and the others in groups, in order, and lets the event loop go round between them', async () => {
    const done: number[] = [];
    let turns = 0;
    let most = 0;
    let inThisTurn = 0;
    for (let n = 0; n < 100; n += 1) {
      farewell(() => {
        done.push(n);
        inThisTurn += 1;
        most = Math.max(most, inThisTurn);
      });
    }
    while (done.length < 100) {
      inThisTurn = 0;
      turns += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(done).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(most).toBe(2);
    expect(turns).toBeGreaterThan(49);
  });
});
