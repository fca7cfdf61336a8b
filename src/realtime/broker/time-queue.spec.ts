import { describe, expect, it } from '@jest/globals';
import { TimedPlace, TimeQueue } from './time-queue.js';

class Named extends TimedPlace {
  constructor(readonly name: string) {
    super();
  }
}

describe('TimeQueue', () => {
  const places = (...names: string[]): Named[] => names.map((name) => new Named(name));
  const takeAll = (queue: TimeQueue<Named>, until: number): string[] => {
    const taken = [];
    for (let place = queue.takeUntil(until); place !== undefined; place = queue.takeUntil(until))
      taken.push(place.name);
    return taken;
  };

  it('gives what was touched longest ago first, and nothing that was touched after the moment', () => {
    const queue = new TimeQueue<Named>();
    places('a', 'b', 'c').forEach((place, i) => queue.touch(place, i));
    expect(takeAll(queue, 1)).toEqual(['a', 'b']);
    expect(queue.size).toBe(1);
    expect(takeAll(queue, 2)).toEqual(['c']);
    expect([queue.size, queue.takeUntil(9)]).toEqual([0, undefined]);
  });

  it('puts what is touched again at the end, from every place', () => {
    for (const again of [0, 1, 2]) {
      const queue = new TimeQueue<Named>();
      const all = places('a', 'b', 'c');
      for (const place of all) queue.touch(place, 1);
      queue.touch(all[again]!, 2);
      expect(queue.size).toBe(3);
      expect(takeAll(queue, 1)).toEqual(['a', 'b', 'c'].filter((_, i) => i !== again));
      expect(takeAll(queue, 2)).toEqual([all[again]!.name]);
    }
  });

  it('takes out from every place, once, and takes back', () => {
    for (const out of [0, 1, 2]) {
      const queue = new TimeQueue<Named>();
      const all = places('a', 'b', 'c');
      for (const place of all) queue.touch(place, 1);
      queue.remove(all[out]!);
      queue.remove(all[out]!);
      expect(queue.size).toBe(2);
      queue.touch(all[out]!, 2);
      expect(takeAll(queue, 2)).toEqual([...['a', 'b', 'c'].filter((_, i) => i !== out), all[out]!.name]);
    }
  });
});
