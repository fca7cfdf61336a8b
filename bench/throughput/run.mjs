/**
 * `npm run bench`: Rookery beside its peers, each scenario against each of them, round after round. A full run (every
 * scenario, every peer, five rounds or more), or one with `--write`, goes into `bench/results` and README.md; any other
 * only into `.cache/bench`. It fails where anything was lost, doubled or out of order. `--help` tells the rest.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { format } from 'prettier';
import { buildIfNeeded } from '../../tools/build-if-needed.mjs';
import { buildNative } from '../../tools/build-native.mjs';
import { benchTokens } from '../bench-tokens.mjs';
import { compileLoadgen, faultsOf, generate, readReport } from '../loadgen/loadgen.mjs';
import { describeRun, GENERATOR_CORE, pinnedTo, preloading, SERVER_CORE } from '../machine.mjs';
import { writeResult } from '../write-result.mjs';
import { contenders, startContender, uwsModule } from './contenders.mjs';
import { summaryOf } from './median.mjs';
import { orderOf } from './order.mjs';
import { installPeerPackages } from './peer-packages.mjs';
import { profile } from './profile.mjs';
import { betweenMarks, reportText, tableText, valueText } from './report.mjs';
import { scenarios } from './scenarios.mjs';

/** Between the last handshake and the first message: who has just come is announced and joined. */
const SETTLE_S = 1;
/** How long what was sent is waited for before it counts as lost; a server that could not keep up has a queue. */
const DRAIN_S = 30;
const FULL_ROUNDS = 5;
/** One for each connection of the largest scenario, so that none is another's user. */
const TOKENS = 15_000;
/** Who comes before those that are measured. */
const STRANGERS = 4_000;
/** The results that README.md shows, and their rows there. */
const SHOWN_FILE = 'throughput';
const SHOWN = ['A', 'B', 'C', 'D', 'p99-rooms', 'p99-big', 'handshakes', 'memory'];

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
const all = { scenarios: Object.keys(scenarios), peers: Object.keys(contenders) };
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: String(FULL_ROUNDS) },
    seconds: { type: 'string', default: '3' },
    warmup: { type: 'string', default: '1.5' },
    only: { type: 'string', default: all.scenarios.join(',') },
    peers: { type: 'string', default: all.peers.join(',') },
    'cpu-prof': { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    into: { type: 'string', default: SHOWN_FILE },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`--rounds N      how often each is measured (${FULL_ROUNDS})
--seconds S     of each measurement (3), --warmup S before it (1.5); latencies have times of their own
--only a,b      of ${all.scenarios.join(', ')}
--peers a,b     of ${all.peers.join(', ')}; Rookery always
--cpu-prof      no comparison: CPU profiles of Rookery in A, B, C or those of --only
--write         into bench/results, though it is no full run; into README.md too where it has all its rows
--into name     of the files there (${SHOWN_FILE}); with another one README.md stays as it is`);
  process.exit(0);
}

const settings = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmup: Number(values.warmup) };
if (!Object.values(settings).every((value) => value > 0))
  fail(`expected numbers above 0, got ${JSON.stringify(settings)}`);
const scenarioIds = chosen('only', all.scenarios);
const contenderIds = chosen('peers', all.peers);
const isFull =
  settings.rounds >= FULL_ROUNDS &&
  scenarioIds.length === all.scenarios.length &&
  contenderIds.length === all.peers.length;
const isWritten = isFull || values.write;
/** README.md's rows are measured, beside everybody. */
const isShown =
  isWritten &&
  values.into === SHOWN_FILE &&
  SHOWN.every((id) => scenarioIds.includes(id)) &&
  contenderIds.length === all.peers.length;
const out = join(root, isWritten ? 'bench/results' : '.cache/bench');
mkdirSync(join(root, '.cache/bench'), { recursive: true });

const loadgen = await compile();
buildIfNeeded(root);
const tokens = await makeTokens();
const given = process.argv.slice(2).join(' ');
const run = describeRun(root, `npm run bench${given && ` -- ${given}`}`);
if (values['cpu-prof']) {
  const ids = process.argv.some((argument) => argument.startsWith('--only')) ? scenarioIds : ['A', 'B', 'C'];
  await profile({ root, out, run, scenarioIds: ids, measure: measureRookery });
} else {
  await compare();
}

async function compare() {
  const skipped = leaveOut();
  const rounds = {};
  let waiting = 0;
  for (let round = 1; round <= settings.rounds; round += 1) {
    for (const scenarioId of scenarioIds) {
      const theirs = contenderIds.filter((id) => scenarios[scenarioId].contenders.includes(id));
      for (const id of orderOf(theirs, round)) {
        const result = await measure(scenarioId, id, {});
        waiting = Math.max(waiting, result.report.srv_wait ?? 0);
        ((rounds[scenarioId] ??= {})[id] ??= []).push(result);
        console.log(`${round}/${settings.rounds} ${scenarioId} ${id}: ${lineOf(result, scenarios[scenarioId])}`);
      }
    }
    // After each round: who ends it has what there is.
    await writeDown({ rounds, settings: { ...settings, rounds: round }, skipped, waiting });
  }
}

async function writeDown({ rounds, ...measured }) {
  const cells = mapValues(rounds, (row) => mapValues(row, summaryOf));
  const result = {
    run,
    name: values.into,
    ...measured,
    scenarios: scenarioIds.map((id) => {
      const { title, unit, better, per } = scenarios[id];
      return { id, title, unit, better, per };
    }),
    contenders: contenderIds.map((id) => ({ id, title: contenders[id].title(root) })),
    cells,
  };
  await writeResult(out, values.into, { ...result, rounds }, reportText(result));
  if (isShown && measured.settings.rounds >= FULL_ROUNDS) {
    const readme = join(root, 'README.md');
    const page = betweenMarks(readFileSync(readme, 'utf8'), tableText(result, SHOWN));
    writeFileSync(readme, await format(page, { parser: 'markdown', printWidth: 120, singleQuote: true }));
  }
  if (measured.settings.rounds < settings.rounds) return;
  console.log(reportText(result));
  const faulty = Object.entries(cells).flatMap(([scenario, row]) =>
    Object.entries(row).flatMap(([id, { faults = [] }]) => faults.map((fault) => `${scenario} ${id}: ${fault}`)),
  );
  if (faulty.length > 0) fail(`A speed with losses is none:\n${faulty.join('\n')}`);
}

/** Takes out who can't be measured here. @returns a sentence for each reason */
function leaveOut() {
  const overRedis = scenarioIds.some((id) => scenarios[id].redis);
  const sentences = [];
  const withoutAddon = contenderIds.some((id) => contenders[id].native)
    ? problemOf(() => buildNative(root, {}))
    : undefined;
  if (withoutAddon) {
    for (const id of contenderIds.filter((each) => contenders[each].native))
      contenderIds.splice(contenderIds.indexOf(id), 1);
    sentences.push(`Not measured: Rookery with the native writer. ${withoutAddon}`);
  }
  const needed = (id) => [contenders[id].package, overRedis && contenders[id].packageForSeveral].filter(Boolean);
  for (const name of new Set(contenderIds.flatMap(needed))) {
    if (name === 'uwebsockets' && process.env.ROOKERY_UWS) continue;
    const problem = installPeerPackages(root, [name]);
    if (!problem) continue;
    const out = contenderIds.filter((id) => needed(id).includes(name));
    for (const id of out) contenderIds.splice(contenderIds.indexOf(id), 1);
    sentences.push(`Not measured, because ${name} is not there: ${out.join(', ')}. ${problem}.`);
  }
  for (const sentence of sentences) console.error(sentence);
  return sentences;
}

async function measureRookery(scenarioId, env, beforeEnd) {
  return measure(scenarioId, 'rookery', env, beforeEnd);
}

/** One round of one cell: a fresh server, one run against it. @returns `{ value, cpuUs, report, faults }` */
async function measure(scenarioId, id, env, beforeEnd = async () => undefined) {
  const scenario = scenarios[scenarioId];
  const contender = contenders[id];
  const isRookery = id.startsWith('rookery');
  const place = {
    root,
    wrapper: pinnedTo(SERVER_CORE),
    env: { NODE_OPTIONS: preloading(root, ['inside.mjs', ...(scenario.preload ?? [])]), ...env },
    secret: tokens.secret,
    jwt: scenario.jwt,
    uws: uwsModule(root),
  };
  const server = await startContender(contender, place, scenario.redis);
  const { ports, pids } = server;
  let endedAtUs;
  const base = {
    port: ports.join(','),
    pid: pids.join(','),
    tokenFile: tokens.file,
    warmup: settings.warmup,
    duration: settings.seconds,
    settle: SETTLE_S,
    drain: DRAIN_S,
    ...contender.wire,
  };
  const bench = {
    ...server,
    strangers: tokens.strangers,
    beforeStorm: async () => contender.beforeStorm?.({ ports, token: tokens.first }),
    async generate(options, onReady) {
      const { report, ...rest } = await generate(loadgen, { ...base, ...options }, pinnedTo(GENERATOR_CORE), onReady);
      endedAtUs = rest.endedAtUs;
      return report;
    },
    manyRooms: (plan) =>
      manyRooms({
        ...plan,
        port: ports[0],
        pids,
        path: '/ws/chat',
        ...(isRookery && { tokenFile: tokens.file }),
      }),
  };
  try {
    const { value, cpuUs, report } = await scenario.measure(bench);
    await beforeEnd({ pids: server.serverPids, endedAtUs });
    return { value, cpuUs: cpuUs >= 0 ? cpuUs : undefined, report, faults: faultsOf(report) };
  } finally {
    await server.close();
  }
}

async function manyRooms(plan) {
  const task = { ...plan, warmupMs: settings.warmup * 1_000, durationMs: settings.seconds * 1_000 };
  const script = join(root, 'bench/loadgen/many-rooms.mjs');
  const [command, ...args] = [...pinnedTo(GENERATOR_CORE), process.execPath, script, JSON.stringify(task)];
  const { stdout } = await promisify(execFile)(command, args, { cwd: root });
  return readReport(stdout);
}

async function makeTokens() {
  const users = await benchTokens(root, 'user', TOKENS);
  const strangers = await benchTokens(root, 'stranger', STRANGERS, users.secret);
  return { secret: users.secret, first: users.first, file: users.file, strangers: strangers.file };
}

async function compile() {
  try {
    return compileLoadgen(root);
  } catch (error) {
    return fail(error.message);
  }
}

/** @returns the words of the error that it throws, if it does */
function problemOf(task) {
  try {
    task();
    return undefined;
  } catch (error) {
    return error.message;
  }
}

function lineOf({ value, cpuUs, faults }, { unit }) {
  if (faults.length > 0) return faults.join(', ');
  return `${valueText(value, unit)}${cpuUs === undefined ? '' : `, ${cpuUs.toFixed(2)} µs`}`;
}

function chosen(option, known) {
  const names = values[option].split(',');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) fail(`--${option}: expected some of ${known.join(', ')}, got ${unknown}`);
  return known.filter((name) => names.includes(name) || name === 'rookery');
}

function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
