/**
 * `npm run bench:slow`: good readers alone and beside many who read nothing, in turn. Writes `slow-readers.json` and
 * `slow-readers.md` to `bench/results`, or where `--out` says. `--help` tells the rest.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfNeeded } from '../../tools/build-if-needed.mjs';
import { describeRun } from '../machine.mjs';
import { compileLoadgen } from '../loadgen/loadgen.mjs';
import { writeResult } from '../write-result.mjs';
import { measure } from './measure.mjs';
import { reportText } from './report.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
const { values } = parseArgs({
  options: {
    good: { type: 'string', default: '200' },
    slow: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '50' },
    bytes: { type: 'string', default: '1024' },
    warmup: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '12' },
    'total-mib': { type: 'string', default: '512' },
    out: { type: 'string', default: 'bench/results' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(
    '--good N --slow N --rounds N --rate messages/s --bytes N --warmup s --seconds s --total-mib MAX_BUFFERED_TOTAL_BYTES',
  );
  process.exit(0);
}
const plan = {
  good: Number(values.good),
  slow: Number(values.slow),
  rounds: Number(values.rounds),
  messagesPerSecond: Number(values.rate),
  messageBytes: Number(values.bytes),
  warmupSeconds: Number(values.warmup),
  seconds: Number(values.seconds),
  maxBufferedTotalMiB: Number(values['total-mib']),
};
if (!Object.values(plan).every((value) => Number.isFinite(value) && value > 0)) {
  console.error(`expected numbers above 0, got ${JSON.stringify(values)}`);
  process.exit(2);
}

buildIfNeeded(root);
const loadgen = compileLoadgen(root);
const given = process.argv.slice(2).join(' ');
const run = describeRun(root, `npm run bench:slow${given && ` -- ${given}`}`);
const rounds = [];
for (let round = 0; round < plan.rounds; round += 1) {
  // In turn, so that what else the machine does meets both.
  const alone = await measure({ root, loadgen, plan, slow: 0 });
  const beside = await measure({ root, loadgen, plan, slow: plan.slow });
  rounds.push({ alone, beside });
  console.log(JSON.stringify({ alone, beside }));
}
const result = { run, plan, rounds };
const report = reportText(result);
await writeResult(resolve(root, values.out), 'slow-readers', result, report);
console.log(report);
