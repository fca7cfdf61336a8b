import { describe, expect, it } from '@jest/globals';
import { Turns } from './turns.js';

describe('Turns', () => {
  it('come one after the other, in the order in which they were asked for', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const work = (name: string) => async (): Promise<string> => {
      log.push(`${name} begins`);
      await new Promise(setImmediate);
      log.push(`${name} ends`);
      return name;
    };
    expect(await Promise.all([turns.take(work('a')), turns.take(work('b'))])).toEqual(['a', 'b']);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  it('tell a failure to whoever took the turn, and go on', async () => {
    const turns = new Turns();
    const failed = turns.take(() => Promise.reject(new Error('no')));
    const next = turns.take(async () => 'next');
    await expect(failed).rejects.toThrow('no');
    expect(await next).toBe('next');
  });

  it('are idle when nobody has one or waits for one', async () => {
    const turns = new Turns();
    expect(turns.idle).toBe(true);
    const turn = turns.take(async () => undefined);
    expect(turns.idle).toBe(false);
    await turn;
    expect(turns.idle).toBe(true);
  });
});
