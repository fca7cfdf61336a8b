/**
 * What a contract needs of a test runner. jest, vitest and node:test have it; it is handed in, so that the testing kit
 * depends on none of them.
 */
export interface TestApi {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>, timeoutMs?: number) => unknown;
  readonly beforeEach: (body: () => Promise<void>) => unknown;
  readonly afterEach: (body: () => Promise<void>) => unknown;
}

const PATIENCE_MS = 10_000;

/**
 * Asks again and again until the answer is good. `pause` lets time pass in between: the machine's, or a manual clock's.
 *
 * @throws Error with the last answer in it, after 10 s.
 */
export async function until<Answer>(
  ask: () => Answer | Promise<Answer>,
  isGood: (answer: Answer) => boolean,
  pause: () => Promise<void> = nextTurn,
): Promise<Answer> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    // Each answer decides whether there is another question.
    const answer = await ask();
    if (isGood(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`expected something else than ${JSON.stringify(answer)}`);
    await pause();
  }
}

/** Lets whatever is ready run, sockets included. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 1);
  });
}
