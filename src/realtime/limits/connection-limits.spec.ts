import { describe, expect, it } from '@jest/globals';
import { ConnectionLimits } from './connection-limits.js';
import type { NoPlace, Place } from './connection-limits.js';

function placed(place: Place | NoPlace): Place {
  if (typeof place === 'string') throw new Error(`expected a place, got ${place}`);
  return place;
}

describe('ConnectionLimits', () => {
  it('gives as many places as the pod has, and one more when one is given back', () => {
    const limits = new ConnectionLimits(2, 0);
    const first = placed(limits.enter('a'));
    placed(limits.enter('b'));
    expect(limits.enter('c')).toBe('pod');
    first.release();
    placed(limits.enter('c'));
    expect(limits.enter('d')).toBe('pod');
  });

  it('gives an address no more than its own, and others theirs', () => {
    const limits = new ConnectionLimits(0, 1);
    placed(limits.enter('a'));
    expect(limits.enter('a')).toBe('address');
    placed(limits.enter('b'));
  });

  it('takes a place back once, however often it is given back', () => {
    const limits = new ConnectionLimits(2, 1);
    const place = placed(limits.enter('a'));
    placed(limits.enter('b'));
    place.release();
    place.release();
    placed(limits.enter('c'));
    expect(limits.enter('d')).toBe('pod');
  });

  it('has no limit at 0, and forgets addresses that are gone', () => {
    const limits = new ConnectionLimits(0, 0);
    const places = Array.from({ length: 10_000 }, (_, n) => placed(limits.enter(`a${n % 7}`)));
    for (const place of places) place.release();
    expect((limits as unknown as { byAddress: Map<string, number> }).byAddress.size).toBe(0);
  });
});
