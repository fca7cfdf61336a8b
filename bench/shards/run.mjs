/**
 * `npm run bench:shards`: the same rooms on a Redis Cluster of one, two and three shards, in turn, and how much CPU the
 * busiest of its nodes takes for a message. Writes `shards.json` and `shards.md` to `bench/results`, or where `--out`
 * says.
 */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfNeeded } from '../../tools/build-if-needed.mjs';
import { ensureTools } from '../../tools/ensure-tools.mjs';
import { importTypeScript } from '../../tools/import-typescript.mjs';
import { startServer } from '../../tools/pods.mjs';
import { benchTokens } from '../bench-tokens.mjs';
import { compileLoadgen, faultsOf, generate } from '../loadgen/loadgen.mjs';
import { describeRun, GENERATOR_CORE, pinnedTo, SERVER_CORE } from '../machine.mjs';
import { writeResult } from '../write-result.mjs';
import { reportText } from './report.mjs';

const SHARDS = [1, 2, 3];
const PODS = 2;
/** One member on each pod, so that what is measured are the nodes. */
const ROOMS = 300;
const CONNECTIONS = ROOMS * PODS;
/** Messages of each room, so that nodes are busy. */
const IN_FLIGHT = 4;
/** After the start of the generator: connections are there, and everybody's code is compiled. */
const SETTLE_S = 1;
const WARMUP_S = 4;
const MEASURED_S = 6;

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    out: { type: 'string', default: 'bench/results' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log('--rounds N (5), --out FOLDER (bench/results)');
  process.exit(0);
}
const count = Number(values.rounds);
if (!(count > 0)) {
  console.error(`--rounds: expected a number above 0, got ${values.rounds}`);
  process.exit(2);
}

buildIfNeeded(root);
const loadgen = compileLoadgen(root);
process.env.REDIS_SERVER ??= ensureTools(['redis-server'])['redis-server'].path;
const { RedisCluster } = await importTypeScript(root, 'test/support/redis-cluster.ts');
const given = process.argv.slice(2).join(' ');
const run = describeRun(root, `npm run bench:shards${given && ` -- ${given}`}`);
const tokens = await benchTokens(root, 'user', CONNECTIONS);
const rounds = [];
for (let round = 0; round < count; round += 1) {
  const measured = [];
  for (const shards of SHARDS) measured.push(await measure(shards));
  rounds.push(measured);
  console.log(JSON.stringify(measured));
}
const result = { run, plan: { rooms: ROOMS, inFlight: IN_FLIGHT, seconds: MEASURED_S }, rounds };
const report = reportText(result);
await writeResult(resolve(root, values.out), 'shards', result, report);
console.log(report);

/** @returns `{ shards, messagesPerSecond, nodesUs }`: CPU that each node took for one message of all rooms, in microseconds */
async function measure(shards) {
  const cluster = await RedisCluster.start({ masters: shards });
  const servers = [];
  try {
    const settings = {
      REDIS_URL: cluster.url,
      JWT_SECRET: tokens.secret,
      MESSAGES_PER_SECOND: '0',
      DRAIN_DELAY_MS: '0',
      DRAIN_MS: '0',
    };
    for (let i = 0; i < PODS; i += 1) servers.push(await startServer(root, settings, pinnedTo(SERVER_CORE)));
    const load = {
      mode: 'fanout-max',
      port: servers.map(({ port }) => port).join(','),
      pid: servers.map(({ pid }) => pid).join(','),
      path: '/ws/chat/r%r',
      query: 'token=%T',
      tokenFile: tokens.file,
      conns: CONNECTIONS,
      rooms: ROOMS,
      pubs: 1,
      window: IN_FLIGHT,
      settle: SETTLE_S,
      warmup: WARMUP_S,
      duration: MEASURED_S + 2,
    };
    const generated = generate(loadgen, load, pinnedTo(GENERATOR_CORE));
    const looks = (async () => {
      await sleep((SETTLE_S + WARMUP_S + 1) * 1_000);
      const before = await cpuOf(cluster);
      await sleep(MEASURED_S * 1_000);
      const after = await cpuOf(cluster);
      return after.map(({ cpuUs, atMs }, i) => (cpuUs - before[i].cpuUs) / ((atMs - before[i].atMs) / 1_000));
    })();
    const [{ report }, perSecond] = await Promise.all([generated, looks]);
    const faults = faultsOf(report);
    if (faults.length > 0) throw new Error(`${shards} shards: ${faults.join(', ')}`);
    const messagesPerSecond = report.msgs_per_s;
    return { shards, messagesPerSecond, nodesUs: perSecond.map((us) => us / messagesPerSecond) };
  } finally {
    for (const { end } of servers) await end();
    await cluster.stop();
  }
}

/** What the main thread of each node has used so far, and when it said so. */
function cpuOf(cluster) {
  return Promise.all(
    cluster.nodes.map(async (node) => {
      const info = String(await node.command('INFO', 'cpu'));
      const seconds = ['user', 'sys'].map((kind) =>
        Number(new RegExp(`used_cpu_${kind}_main_thread:([\\d.]+)`).exec(info)[1]),
      );
      return { cpuUs: (seconds[0] + seconds[1]) * 1e6, atMs: performance.now() };
    }),
  );
}
