import { describe, expect, it } from '@jest/globals';
import { orderOf } from './order.mjs';

describe('the order of a round', () => {
  it.each([1, 2, 5, 8, 9])('has each of %d contenders once', (count) => {
    for (const order of roundsOf(count, 3 * count)) expect(order.toSorted()).toEqual(named(count));
  });

  it('begins with the first', () => {
    expect(orderOf(['a', 'b', 'c', 'd'], 1)).toEqual(['a', 'd', 'b', 'c']);
  });

  it.each([
    [9, 8],
    [8, 8],
    [5, 4],
    [2, 2],
  ])('lets none of %d contenders begin, or come behind the same one, twice in %d rounds', (count, rounds) => {
    const orders = roundsOf(count, rounds);
    const pairs = orders.flatMap((order) => order.slice(1).map((each, place) => `${order[place]} ${each}`));
    expect(new Set(pairs).size).toBe(rounds * (count - 1));
    expect(new Set(orders.map(([first]) => first)).size).toBe(rounds);
  });
});

function named(count) {
  return Array.from({ length: count }, (_, place) => String.fromCodePoint(97 + place));
}

function roundsOf(count, rounds) {
  return Array.from({ length: rounds }, (_, index) => orderOf(named(count), index + 1));
}
