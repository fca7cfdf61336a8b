import { describe, expect, it, jest } from '@jest/globals';
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

  it('calls the others though one throws, which is not swallowed', async () => {
    const told: string[] = [];
    const nextTick = jest.spyOn(process, 'nextTick').mockImplementation(() => undefined);
    turnEnd.ends({
      end: () => {
        throw new Error('a mistake');
      },
    });
    turnEnd.ends({ end: () => void told.push('first') });
    turnEnd.endsLast({ end: () => void told.push('last') });
    await turn();
    const [throws] = nextTick.mock.calls.map(([task]) => task);
    nextTick.mockRestore();
    expect(told).toEqual(['first', 'last']);
    expect(throws).toThrow('a mistake');
  });

  it('calls with those who end last whoever is added by those before', async () => {
    const told: string[] = [];
    turnEnd.ends({ end: () => turnEnd.endsLast({ end: () => void told.push('last') }) });
    await turn();
    expect(told).toEqual(['last']);
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
