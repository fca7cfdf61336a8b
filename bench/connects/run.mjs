/**
 * `npm run bench:connects`: a million connections come, join their room and go, and the process holds no more than
 * before. Writes `connects.md` and `connects.json` to `bench/results`, or where `--out` says.
 */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfNeeded } from '../../tools/build-if-needed.mjs';
import { startServer } from '../../tools/pods.mjs';
import { benchTokens } from '../bench-tokens.mjs';
import { compileLoadgen, faultsOf, generate } from '../loadgen/loadgen.mjs';
import { describeRun, GENERATOR_CORE, pinnedTo, preloading, rssAfterGc, SERVER_CORE } from '../machine.mjs';
import { writeResult } from '../write-result.mjs';
import { reportText } from './report.mjs';

/** How many are there at once. Each of them is a user of its own, who comes back each time. */
const AT_ONCE = 4_000;
/** How often the memory is looked at. */
const LOOKS = 10;
/** What is torn down after a connection has its grace. */
const AFTERMATH_MS = 3_000;

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    out: { type: 'string', default: 'bench/results' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log('--count N   connections in all (1000000), --out FOLDER (bench/results)');
  process.exit(0);
}
const count = Number(values.count);
if (!(count >= AT_ONCE * LOOKS)) {
  console.error(`--count: expected ${AT_ONCE * LOOKS} or more, got ${values.count}`);
  process.exit(2);
}

buildIfNeeded(root);
const loadgen = compileLoadgen(root);
const given = process.argv.slice(2).join(' ');
const run = describeRun(root, `npm run bench:connects${given && ` -- ${given}`}`);
const tokens = await benchTokens(root, 'user', AT_ONCE);
const settings = {
  JWT_SECRET: tokens.secret,
  NODE_OPTIONS: preloading(root, ['inside.mjs']),
  DRAIN_DELAY_MS: '0',
  DRAIN_MS: '0',
  MAX_LOOP_LAG_MS: '0', // On a machine that does other work as well handshakes would be refused now and then.
};
const server = await startServer(root, settings, pinnedTo(SERVER_CORE));
const looks = [];
try {
  const perLook = Math.ceil(count / LOOKS / AT_ONCE);
  for (let look = 0; look <= LOOKS; look += 1) {
    // The first look is after as many as between any two: what the first connections cost once and for all is not counted.
    for (let i = 0; i < perLook; i += 1) await comeAndGo();
    await sleep(AFTERMATH_MS);
    const rssKiB = await rssAfterGc([server.pid]);
    looks.push({ connections: (look + 1) * perLook * AT_ONCE, rssKiB });
    console.log(JSON.stringify(looks.at(-1)));
  }
} finally {
  await server.end();
}
const result = { run, atOnce: AT_ONCE, looks };
const report = reportText(result);
await writeResult(resolve(root, values.out), 'connects', result, report);
console.log(report);

async function comeAndGo() {
  const { report } = await generate(
    loadgen,
    {
      mode: 'connect',
      port: server.port,
      pid: server.pid,
      path: '/ws/chat/r%r',
      query: 'token=%T',
      tokenFile: tokens.file,
      conns: AT_ONCE,
      rooms: AT_ONCE / 10,
      pubs: 0,
      hold: 0.2,
    },
    pinnedTo(GENERATOR_CORE),
  );
  const faults = faultsOf(report);
  if (faults.length > 0) throw new Error(`expected ${AT_ONCE} connections, got ${faults.join(', ')}`);
}
