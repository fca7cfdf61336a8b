import { describe, expect, it } from '@jest/globals';
import { setTimeout as pause } from 'node:timers/promises';
import { endOfTurn, FlushWindow } from './flush-schedule.js';
import type { Flushable, FlushSchedule } from './flush-schedule.js';

const WINDOW_MS = 60;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What writes, and tells in which order. */
function flushable(schedule: FlushSchedule, name: string, told: string[]) {
  const outbox = {
    flushedAt: undefined as number | undefined,
    flush: () => {
      outbox.flushedAt = schedule.now();
      told.push(name);
    },
  } satisfies Flushable;
  return outbox;
}

describe('endOfTurn', () => {
  it('writes at the end of the turn, in the order of add, and never in it', async () => {
    const told: string[] = [];
    endOfTurn.add(flushable(endOfTurn, 'a', told));
    endOfTurn.add(flushable(endOfTurn, 'b', told));
    await Promise.resolve();
    expect(told).toEqual([]);
    await turn();
    expect(told).toEqual(['a', 'b']);
  });
});

describe('FlushWindow', () => {
  it('writes the first one after a quiet spell at the end of its turn', async () => {
    const told: string[] = [];
    const window = new FlushWindow(WINDOW_MS);
    const outbox = flushable(window, 'a', told);
    for (let n = 1; n <= 3; n += 1) {
      window.add(outbox);
      await turn();
      expect(told).toHaveLength(n);
      await pause(WINDOW_MS + 10);
    }
  });

  it('gathers what comes within the window, for all who wait, and no longer', async () => {
    const told: string[] = [];
    const window = new FlushWindow(WINDOW_MS);
    const [a, b] = [flushable(window, 'a', told), flushable(window, 'b', told)];
    for (const outbox of [a, b]) window.add(outbox);
    await turn();
    const begunAt = window.now();
    for (const outbox of [a, b]) window.add(outbox);
    await turn();
    await turn();
    expect(told).toEqual(['a', 'b']);
    while (told.length < 4) await pause(1);
    expect(told).toEqual(['a', 'b', 'a', 'b']);
    expect(window.now() - begunAt).toBeGreaterThanOrEqual(WINDOW_MS - 5);
  });

  it('makes nobody wait who was not written to lately', async () => {
    const told: string[] = [];
    const window = new FlushWindow(WINDOW_MS);
    const busy = flushable(window, 'busy', told);
    window.add(busy);
    await turn();
    window.add(busy);
    window.add(flushable(window, 'quiet', told));
    await turn();
    expect(told).toEqual(['busy', 'quiet']);
  });
});
