/**
 * `npm test`: the tests that need nothing installed, and a line that says what was left out and why.
 * `npm test -- unit e2e`: these stages, with whatever of redis-server and chromium is there.
 *
 * Its last line is `N passed, N failed, N skipped`.
 */
import { fileURLToPath } from 'node:url';
import { buildIfNeeded } from './build-if-needed.mjs';
import { findTools } from './ensure-tools.mjs';
import { formatCounts, runJest, sumCounts } from './run-jest.mjs';
import { findTestFiles, planStages, stages } from './stages.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
const named = process.argv.slice(2);
const unknown = named.filter((name) => !stages.some((stage) => stage.name === name));
if (unknown.length > 0) {
  const names = stages.map((stage) => stage.name).join(', ');
  console.error(`${unknown.join(', ')} is no stage: npm test -- takes ${names}`);
  process.exit(2);
}

// Without names nothing is looked for: the same tests run on every machine.
const tools = named.length > 0 ? findTools() : {};
const plan = planStages(findTestFiles(root), Object.keys(tools));
const env = Object.fromEntries(Object.values(tools).map(({ variable, path }) => [variable, path]));
const counts = [];
const leftOut = [];
for (const { stage, run, leftOut: missing } of plan.values()) {
  const chosen = named.length > 0 ? named.includes(stage.name) : !stage.onlyVerify;
  if (!chosen) {
    if (named.length === 0) leftOut.push(`${stage.name} (needs a package that was built and packed)`);
    continue;
  }
  if (missing.length > 0) {
    const what = run.length > 0 ? `${stage.name} on Redis` : stage.name;
    leftOut.push(`${what} (needs ${stage.needs[0] ?? 'redis-server'})`);
  }
  if (run.length === 0) continue;
  if (stage.built) buildIfNeeded(root);
  console.error(`\n== ${stage.name}`);
  const result = await runJest({ root, files: run, ...stage, env });
  if (result.problem) console.error(`== ${stage.name}: ${result.problem}`);
  counts.push(result);
}
if (leftOut.length > 0) console.log(`left out: ${leftOut.join(', ')}: run npm run verify`);
process.exitCode = counts.some((result) => result.problem !== undefined) || counts.length === 0 ? 1 : 0;
console.log(formatCounts(sumCounts(counts)));
