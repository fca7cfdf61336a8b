import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { seedOf } from '../seed.js';

const deep = process.env['ROOKERY_DEEP'] === '1';

/** Decides every input: `ROOKERY_SEED=<seed>` makes the same again. */
export const seed = seedOf(process.env['ROOKERY_SEED']);

/** As many inputs as are asked for in `verify`; twenty times as many with `ROOKERY_DEEP=1`. */
export function inputs(count: number): number {
  return deep ? 20 * count : count;
}

/** Checks inputs one by one; a failure is shrunk to the smallest that fails too. */
export function fuzz<Input>(arbitrary: fc.Arbitrary<Input>, count: number, check: (input: Input) => void): void {
  fc.assert(fc.property(arbitrary, check), { seed, numRuns: count });
}

/**
 * Checks inputs in batches, one batch after the other. A failure is not shrunk: each try may take as long as a wait; the
 * check names the inputs that it is about.
 */
export async function fuzzInBatches<Input>(
  arbitrary: fc.Arbitrary<Input>,
  count: number,
  batch: number,
  check: (batch: readonly Input[]) => Promise<void>,
): Promise<void> {
  const batches = fc.array(arbitrary, { minLength: batch, maxLength: batch });
  const { failed, numRuns, errorInstance } = await fc.check(fc.asyncProperty(batches, check), {
    seed,
    numRuns: Math.ceil(count / batch),
    endOnFailure: true,
  });
  if (!failed) return;
  const what = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  throw new Error(`batch ${numRuns} with ROOKERY_SEED=${seed}: ${what}`, { cause: errorInstance });
}

/** Bytes of the heap that something still refers to. */
export async function heapBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve)); // What the last batch left to the event loop.
    collect();
  }
  return process.memoryUsage().heapUsed;
}
