/**
 * Throws an error where nobody catches it, after what runs now: a mistake in code of the application that costs others
 * nothing, and is not swallowed.
 */
export function throwUncaught(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
