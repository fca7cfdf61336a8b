import { describe, expect, it } from '@jest/globals';
import { turnEnd } from './turn-end.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('turnEnd', () => {
  it('calls those who end, then those who end last, each in the order of the calls', async () => {
    const told: string[] = [];
    const ending = (name: string) => ({ end: () => void told.push(name) });
    turnEnd.endsLast(ending('last 1'));
    turnEnd.ends(ending('first 1'));
    turnEnd.endsLast(ending('last 2'));
    turnEnd.ends(ending('first 2'));
    await Promise.resolve();
    expect(told).toEqual([]);
    await turn();
    expect(told).toEqual(['first 1', 'first 2', 'last 1', 'last 2']);
  });

  it('leaves to the next turn what is added while it ends', async () => {
    const told: string[] = [];
    turnEnd.ends({ end: () => turnEnd.ends({ end: () => void told.push('again') }) });
    await turn();
    expect(told).toEqual([]);
    await turn();
    expect(told).toEqual(['again']);
  });
});
