import { randomInt } from 'node:crypto';

/** The seed of a test that throws dice: that of `ROOKERY_SEED`, else any. The test prints it. */
export function seedOf(text: string | undefined): number {
  if (text === undefined || text === '') return randomInt(2 ** 31);
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new Error(`ROOKERY_SEED: expected a whole number, got ${JSON.stringify(text)}`);
}
