import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as passes } from 'node:timers/promises';
import { LoopLag } from './loop-lag.js';

describe('LoopLag', () => {
  let lag: LoopLag | undefined;
  afterEach(() => lag?.stop());

  it('knows right after a blockage how long it was', async () => {
    lag = new LoopLag();
    await passes(50); // It has begun to look.
    const until = performance.now() + 700;
    while (performance.now() < until);
    await passes(0);
    expect(lag.ms).toBeGreaterThan(600);
  });

  it('keeps no process alive, and is quiet once it is stopped', () => {
    const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    lag = new LoopLag();
    lag.stop();
    expect(process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length).toBe(before);
    expect(lag.ms).toBeGreaterThanOrEqual(0);
  });
});
