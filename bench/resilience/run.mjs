/**
 * `npm run bench:resilience`: AnyCable's scenario against Rookery and its peers, one after the other. Writes
 * `resilience.json` and `resilience.md` to `bench/results`, or where `--out` says. `--help` tells the rest.
 */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { buildIfNeeded } from '../../tools/build-if-needed.mjs';
import { describeRun, pinnedTo, usageOf } from '../machine.mjs';
import { writeResult } from '../write-result.mjs';
import { contenders } from './contenders.mjs';
import { reportText } from './report.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
const options = {
  clients: { type: 'string', default: '1000' },
  seconds: { type: 'string', default: '60' },
  rate: { type: 'string', default: '2' },
  'cut-every': { type: 'string', default: '15' },
  away: { type: 'string', default: '2' },
  against: { type: 'string', default: Object.keys(contenders).join(',') },
  out: { type: 'string', default: 'bench/results' },
  help: { type: 'boolean', default: false },
};
const { values } = parseArgs({ options });
if (values.help) {
  console.log(`--clients N --seconds N --rate messages/s --cut-every s --away s --against ${options.against.default}`);
  process.exit(0);
}

const plan = {
  clients: Number(values.clients),
  connectsPerSecond: 250,
  messagesPerSecond: Number(values.rate),
  durationMs: Number(values.seconds) * 1_000,
  cutEveryMs: Number(values['cut-every']) * 1_000,
  awayMs: Number(values.away) * 1_000,
  settleMs: 40_000,
};
if (!Object.values(plan).every((value) => Number.isFinite(value) && value > 0)) {
  console.error(`expected numbers above 0, got ${JSON.stringify(values)}`);
  process.exit(2);
}

buildIfNeeded(root);
// Only what was given: the defaults stand in the table.
const given = process.argv.slice(2).join(' ');
const run = describeRun(root, `npm run bench:resilience${given && ` -- ${given}`}`);
const results = [];
for (const name of values.against.split(',')) results.push(await measure(name));
const result = { run, plan, results };
const report = reportText(result);
await writeResult(resolve(root, values.out), 'resilience', result, report);
console.log(report);

async function measure(name) {
  const contender = contenders[name];
  if (!contender) throw new Error(`--against: expected some of ${options.against.default}, got ${name}`);
  const title = contender.title(root);
  console.log(`${title} …`);
  const { system, target, pids, close } = await contender.start(root, pinnedTo(0));
  try {
    const before = usageOf(pids);
    const report = await swarm({ system, target, plan });
    const after = usageOf(pids);
    const server = after && { cpuMs: after.cpuMs - before.cpuMs, peakRssMiB: Math.round(after.peakRssMiB) };
    console.log(JSON.stringify({ ...report, server }));
    return { name, title, ...report, server };
  } finally {
    await close();
  }
}

async function swarm(task) {
  const script = join(root, 'bench/resilience/swarm-process.mjs');
  const [command, ...args] = [...pinnedTo(1), process.execPath, script, JSON.stringify(task)];
  const { stdout } = await promisify(execFile)(command, args, { cwd: root });
  return JSON.parse(stdout.trim().split('\n').at(-1));
}
