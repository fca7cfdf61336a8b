import { describe, expect, it, jest } from '@jest/globals';
import { TurnList } from './turn-list.js';

const visited = <Item>(list: TurnList<Item>): Item[] => {
  const items: Item[] = [];
  list.visit((item) => items.push(item));
  return items;
};

describe('TurnList', () => {
  it('visits all in the order of add, once', () => {
    const list = new TurnList<string>();
    for (const item of ['a', 'b', 'c']) list.add(item);
    expect(visited(list)).toEqual(['a', 'b', 'c']);
    expect(visited(list)).toEqual([]);
    list.add('d');
    expect(visited(list)).toEqual(['d']);
  });

  it('says which one is the first since the last visit', () => {
    const list = new TurnList<string>();
    expect(['a', 'b'].map((item) => list.add(item))).toEqual([true, false]);
    list.visit(() => undefined);
    expect(list.add('c')).toBe(true);
  });

  it('leaves to the next visit what is added meanwhile', () => {
    const list = new TurnList<number>();
    for (const item of [1, 2, 3]) list.add(item);
    const first: number[] = [];
    const begun: boolean[] = [];
    list.visit((item) => {
      first.push(item);
      begun.push(list.add(item * 10));
    });
    expect(first).toEqual([1, 2, 3]);
    expect(begun).toEqual([true, false, false]);
    expect(visited(list)).toEqual([10, 20, 30]);
  });

  it('visits the others though one throws, which is not swallowed', () => {
    const nextTick = jest.spyOn(process, 'nextTick').mockImplementation(() => undefined);
    const list = new TurnList<string>();
    for (const item of ['a', 'b', 'c']) list.add(item);
    const seen: string[] = [];
    list.visit((item) => {
      if (item === 'b') throw new Error('a mistake');
      seen.push(item);
    });
    const [throws] = nextTick.mock.calls.map(([task]) => task);
    nextTick.mockRestore();
    expect(seen).toEqual(['a', 'c']);
    expect(throws).toThrow('a mistake');
  });
});
