/**
 * `npm run conformance -- --url ws://host:port --secret …`: the rules that are marked `url` in PROTOCOL.md, against any
 * server that speaks `rookery.v1`. The secret signs the tokens (HS256). Several pods of one deployment: their URLs with
 * commas between them. Without `--url`: every conformance test, on servers that the tests start.
 *
 * Its last line is `N passed, N failed, N skipped`.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runJest, formatCounts } from './run-jest.mjs';
import { findTestFiles, planStages } from './stages.mjs';

/** Reads the command line. @throws Error one sentence */
export function readTarget(args) {
  const { values } = parseArgs({ args, options: { url: { type: 'string' }, secret: { type: 'string' } } });
  const { url, secret } = values;
  if (url === undefined && secret === undefined) return undefined;
  if (!url || !secret) throw new Error('expected both --url ws://host:port and --secret, or neither');
  for (const each of url.split(',')) {
    if (!/^wss?:\/\/[^/]+\/?$/.test(each)) throw new Error(`--url: expected ws://host:port or wss://host, got ${each}`);
  }
  return { ROOKERY_URL: url, ROOKERY_SECRET: secret };
}

/** Runs the conformance tests, against a `target` those alone that need nothing but its URL and secret. */
export async function runConformance(root, target, env = {}) {
  const { stage, run } = planStages(findTestFiles(root), []).get('conformance');
  const files = target ? run.filter((path) => path.endsWith('.url.spec.ts')) : run;
  return runJest({ root, files, ...stage, env: { ...env, ...target } });
}

async function main() {
  const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
  const result = await runConformance(root, readTarget(process.argv.slice(2)));
  if (result.problem) process.exitCode = 1;
  console.log(formatCounts(result));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await main();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 2;
  }
}
