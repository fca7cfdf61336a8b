import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importTypeScript } from '../tools/import-typescript.mjs';

const CLAIM_BYTES = 400;

/**
 * Makes tokens for the load generator, each with 400 bytes of claims, each another user's.
 *
 * @param secret what signs them; default: a fresh one
 * @returns `{ secret, first, file }`: the first of them; where all of them stand until this process ends
 */
export async function benchTokens(root, who, count, secret = randomBytes(32).toString('base64url')) {
  const { mint } = await importTypeScript(root, 'test/support/tokens.ts');
  const list = Array.from({ length: count }, (_, index) => {
    const claims = { sub: `${who}-${index}`, name: `User ${index}`, roles: ['member', 'editor'] };
    const missing = CLAIM_BYTES - JSON.stringify({ ...claims, scope: '' }).length;
    return mint(secret, { ...claims, scope: 'x'.repeat(missing) }, { expiresInMs: 24 * 3_600_000 });
  });
  // One of this process: another bench signs by another secret.
  const folder = join(root, '.cache/bench');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${who}s-${process.pid}.txt`);
  writeFileSync(file, list.join('\n'));
  process.once('exit', () => rmSync(file, { force: true }));
  return { secret, first: list[0], file };
}
