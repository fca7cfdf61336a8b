/**
 * `npm run bench:chaos`: the chaos ledger on each kind of Redis, 10 minutes each, one after the other. Writes
 * `chaos.json` and `chaos.md` to `bench/results`, or where `--out` says. `--short`: a minute and less each.
 * `--at-once N`: so many of them side by side; they wait for no time, so that only costs them faults. `--only sentinel`
 * (`standalone`, `cluster`; several with commas): the others keep the results that they have. A failed one does too.
 */
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfNeeded } from '../../tools/build-if-needed.mjs';
import { ensureTools } from '../../tools/ensure-tools.mjs';
import { runJest } from '../../tools/run-jest.mjs';
import { findTestFiles } from '../../tools/stages.mjs';
import { describeRun } from '../machine.mjs';
import { writeResult } from '../write-result.mjs';
import { reportText } from './report.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'bench/results' },
    short: { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '1' },
    only: { type: 'string', default: 'standalone,sentinel,cluster' },
  },
});
const files = { standalone: 'chaos-on-one-redis', sentinel: 'chaos-under-sentinel', cluster: 'chaos-on-a-cluster' };
const wanted = values.only.split(',').map((name) => {
  if (name in files) return `test/fault/${files[name]}`;
  console.error(`expected --only with some of ${Object.keys(files).join(',')}, got ${name}`);
  process.exit(2);
});

buildIfNeeded(root);
const [redis] = Object.values(ensureTools(['redis-server']));
const given = process.argv.slice(2).join(' ');
const run = describeRun(root, `npm run bench:chaos${given && ` -- ${given}`}`);
const folder = mkdtempSync(join(tmpdir(), 'rookery-chaos-'));
try {
  const { problem } = await runJest({
    root,
    files: findTestFiles(root).filter((path) => wanted.some((start) => path.startsWith(start))),
    workers: Number(values['at-once']),
    timeoutMinutes: 60,
    env: {
      [redis.variable]: redis.path,
      ROOKERY_CHAOS_OUT: folder,
      ...(values.short ? {} : { ROOKERY_DEEP: '1' }),
    },
  });
  const made = readdirSync(folder).map((file) => ({ ...JSON.parse(readFileSync(join(folder, file), 'utf8')), run }));
  const passed = made.filter(({ problems, unproven }) => problems.length + unproven.length === 0);
  const out = resolve(root, values.out);
  const kept = existsSync(join(out, 'chaos.json'))
    ? JSON.parse(readFileSync(join(out, 'chaos.json'), 'utf8')).results
    : [];
  const results = [...kept.filter(({ name }) => !passed.some((one) => one.name === name)), ...passed];
  const report = reportText({ results });
  await writeResult(out, 'chaos', { results }, report);
  console.log(report);
  if (problem) throw new Error(problem);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
