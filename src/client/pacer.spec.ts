import { describe, expect, it } from '@jest/globals';
import { Pacer } from './pacer.js';

const limits = { framesPerSecond: 50, burst: 100, rooms: 0 };

/** How many frames leave at once. */
function drain(pacer: Pacer, now: number): number {
  let sent = 0;
  for (; sent < 10_000 && pacer.waitMs(now) === 0; sent += 1) pacer.spend();
  return sent;
}

describe('Pacer', () => {
  it('CL7 lets a burst below the server’s go at once, then a rate below it', () => {
    const pacer = new Pacer(limits, 0);
    expect(drain(pacer, 0)).toBe(50);
    expect(drain(pacer, 1_000)).toBe(45);
  });

  it('CL7 stays within the burst when all that left within a second arrives at once', () => {
    const pacer = new Pacer(limits, 0);
    let sent = 0;
    for (let now = 0; now <= 1_000; now += 1) sent += drain(pacer, now);
    expect(sent).toBeLessThanOrEqual(limits.burst);
  });

  it('says how long to wait for the next frame, and keeps the word', () => {
    const pacer = new Pacer(limits, 0);
    drain(pacer, 0);
    const waitMs = pacer.waitMs(0);
    expect(waitMs).toBe(23);
    expect(pacer.waitMs(waitMs - 1)).toBeGreaterThan(0);
    expect(pacer.waitMs(waitMs)).toBe(0);
  });

  it('saves up no more than the burst', () => {
    const pacer = new Pacer(limits, 0);
    expect(drain(pacer, 3_600_000)).toBe(50);
  });

  it('FR1 a rate of 0 means unlimited, the burst too', () => {
    const pacer = new Pacer({ framesPerSecond: 0, burst: 10, rooms: 0 }, 0);
    expect(drain(pacer, 0)).toBe(10_000);
  });

  it('is not stopped by a clock that goes backwards', () => {
    const pacer = new Pacer(limits, 10_000);
    drain(pacer, 10_000);
    pacer.waitMs(0);
    expect(drain(pacer, 1_000)).toBe(45);
  });
});
