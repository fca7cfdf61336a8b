/**
 * `npm run bench:micro`: times small parts of Rookery as built. `--compare` times the last commit as well, round by round
 * in turns: the one checked out where something is changed, else the one before it; `--against <ref>` another one.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { buildIfNeeded } from '../../tools/build-if-needed.mjs';
import { describeRun, pinnedTo } from '../machine.mjs';
import { medianOf } from '../throughput/median.mjs';
import { benches } from './benches.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    compare: { type: 'boolean', default: false },
    against: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`--rounds N  --only <part of a name>  --compare  --against <ref>\n${Object.keys(benches).join('\n')}`);
  process.exit(0);
}

buildIfNeeded(root);
const run = describeRun(root, 'npm run bench:micro');
const against = values.against ?? (values.compare ? lastCommit() : undefined);
const before = against && (await checkOut(against));
try {
  console.log(`commit ${run.commit}, Node ${run.node}, ${run.cpu}${before ? `; before: ${against}` : ''}`);
  for (const name of Object.keys(benches).filter((each) => each.includes(values.only)))
    console.log(await compare(name));
} finally {
  before?.remove();
}

async function compare(name) {
  const [now, then] = [[], []];
  for (let round = 0; round < Number(values.rounds); round += 1) {
    now.push(await once(root, name));
    if (before) then.push(await once(before.folder, name));
  }
  const missing = now.find((result) => result.missing);
  if (missing) throw new Error(`${name}: ${missing.missing}`);
  const ns = medianOf(now.map((result) => result.ns));
  const line = `${name}: ${text(ns)}`;
  if (!before) return line;
  if (then.some((result) => result.missing)) return `${line}, before: – (${then[0].missing})`;
  const nsBefore = medianOf(then.map((result) => result.ns));
  return `${line}, before: ${text(nsBefore)}, ${(nsBefore / ns).toFixed(2)}× as fast`;
}

async function once(folder, name) {
  const script = join(root, 'bench/micro/one.mjs');
  const [command, ...args] = [...pinnedTo(0), process.execPath, script, folder, name];
  const { stdout } = await promisify(execFile)(command, args, { cwd: root });
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

function lastCommit() {
  return run.commit.endsWith('changed') ? 'HEAD' : 'HEAD~1';
}

/** Builds another commit in a worktree of its own, with the packages of this one. */
async function checkOut(ref) {
  const folder = join(mkdtempSync(join(tmpdir(), 'rookery-before-')), 'rookery');
  const git = (...args) => execFileSync('git', args, { cwd: root, stdio: ['ignore', 'ignore', 2] });
  const remove = () => {
    git('worktree', 'remove', '--force', folder);
    rmSync(join(folder, '..'), { recursive: true, force: true });
  };
  git('worktree', 'add', '--detach', folder, ref);
  try {
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    console.error(`Building ${ref} …`);
    execFileSync('npx', ['nest', 'build'], { cwd: folder, stdio: ['ignore', 2, 2] });
    return { folder, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function text(ns) {
  return ns < 1_000 ? `${ns.toFixed(0)} ns` : `${(ns / 1_000).toFixed(2)} µs`;
}
