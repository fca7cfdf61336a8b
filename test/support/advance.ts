import type { ManualClock } from '../../src/testing/index.js';

/**
 * Moves the clock in steps until something has happened, and lets what each step started go on in between. The error
 * says what did not happen within so much time of the clock.
 */
export async function advanceUntil<Result>(
  clock: ManualClock,
  what: string,
  promise: Promise<Result>,
  { stepMs = 100, withinMs }: { stepMs?: number; withinMs: number },
): Promise<Result> {
  let done = false;
  const settled = promise.finally(() => {
    done = true;
  });
  settled.catch(() => undefined); // Told by the return below.
  for (let passedMs = 0; !done && passedMs < withinMs; passedMs += stepMs) {
    clock.advance(stepMs);
    // Sockets of this process need a few turns of the event loop, not time.
    for (let turn = 0; turn < 20 && !done; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`moved the clock by ${withinMs} ms; still missing: ${what}`)), 2_000);
  });
  return Promise.race([settled, late]).finally(() => clearTimeout(timer));
}
