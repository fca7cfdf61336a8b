import { describe, expect, it } from '@jest/globals';
import { has, listOf, minus, plus, sizeOf } from './few.js';
import type { Few } from './few.js';

describe('Few', () => {
  const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }];

  it('has each thing once, in the order in which they came', () => {
    let few: Few<object>;
    for (const thing of [a, a, b, c, a, b]) few = plus(few, thing);
    expect(listOf(few)).toEqual([a, b, c]);
    expect(sizeOf(few)).toBe(3);
  });

  it('is none after the last one, whichever it was', () => {
    for (const order of [
      [a, b, c],
      [c, b, a],
    ]) {
      let few: Few<object> = plus(plus(plus(undefined, a), b), c);
      const sizes = order.map((thing) => sizeOf((few = minus(few, thing))));
      expect(sizes).toEqual([2, 1, 0]);
      expect(few).toBeUndefined();
    }
  });

  it('stays as it is without what is not in it', () => {
    expect(minus(undefined, a)).toBeUndefined();
    expect(listOf(minus(a, b))).toEqual([a]);
    expect(listOf(minus(plus(a, b), c))).toEqual([a, b]);
    expect(listOf(undefined)).toEqual([]);
  });

  it('says what is in it', () => {
    const [none, one, two] = [undefined, a, plus(a, b)];
    expect([has(none, a), has(one, a), has(two, a), has(two, b)]).toEqual([false, true, true, true]);
    expect([has(one, b), has(two, c)]).toEqual([false, false]);
  });

  it('needs no Set for one thing', () => {
    expect(plus(undefined, a)).toBe(a);
  });
});
