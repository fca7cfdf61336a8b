import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../testing/manual-clock.js';
import { within } from './within.js';

describe('within', () => {
  const late = (): Error => new Error('late');

  it('settles as the promise does, and lets go of its timer', async () => {
    const clock = new ManualClock();
    await expect(within(clock, 100, Promise.resolve('x'), late)).resolves.toBe('x');
    await expect(within(clock, 100, Promise.reject(new Error('no')), late)).rejects.toThrow('no');
    expect(clock.pending).toBe(0);
  });

  it('rejects when the time is over; what comes after that is told to nobody', async () => {
    const clock = new ManualClock();
    let fail: (error: Error) => void = () => undefined;
    const waited = within(clock, 100, new Promise<never>((_, reject) => (fail = reject)), late);
    clock.advance(100);
    await expect(waited).rejects.toThrow('late');
    fail(new Error('an unhandled rejection would end the process'));
    await new Promise((resolve) => setImmediate(resolve));
  });
});
