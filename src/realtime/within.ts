import type { Clock } from './clock.js';

/**
 * Waits for a promise, for so long and no longer: settles as it does, or rejects when the time is over. What the promise
 * comes to after that is told to nobody.
 *
 * @param late Makes the error of one that took too long.
 */
export function within<Result>(
  clock: Clock,
  timeoutMs: number,
  promise: Promise<Result>,
  late: () => Error,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => reject(late()));
    promise.then(
      (result) => {
        timer.cancel();
        resolve(result);
      },
      (error: Error) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
