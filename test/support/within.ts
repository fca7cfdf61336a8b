/** A machine that does something else as well takes its time; what never comes is told before jest gives up. */
const PATIENCE_MS = 20_000;

/** Waits for something that must happen soon. The error says what did not. */
export async function within<Result>(what: string, promise: Promise<Result>, timeoutMs = PATIENCE_MS): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${timeoutMs} ms for ${what}`)), timeoutMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/**
 * Asks again until a condition holds, for what nobody tells: a count in the server that becomes 0. The error says what
 * never became true.
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = PATIENCE_MS,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
