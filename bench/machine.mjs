import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

/** How long a gc that {@link rssAfterGc} asks for may take. */
export const GC_MS = 1_000;

/** What a result is worth nothing without: the machine, the versions, the day and the command. */
export function describeRun(root, command) {
  const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
  // What a result depends on.
  const changed = git('status', '--porcelain', '--', 'src', 'bench', 'package-lock.json', ':!bench/results') !== '';
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: git('rev-parse', '--short=12', 'HEAD') + (changed ? ', changed' : ''),
    command,
    node: process.version,
    cpu: `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

/** What to put before a command line so that it runs on this core alone; nothing where there is no taskset for it. */
export function pinnedTo(core) {
  const canPin = availableParallelism() > core && spawnSync('taskset', ['-V']).status === 0;
  return canPin ? ['taskset', '--cpu-list', String(core)] : [];
}

/** Where a server runs, Redis among them, and where what loads it does. */
export const SERVER_CORE = 0;
export const GENERATOR_CORE = 1;

/** `NODE_OPTIONS` by which Node loads files of `bench` before anything else. */
export function preloading(root, files) {
  return files.map((file) => `--import=${pathToFileURL(join(root, 'bench', file)).href}`).join(' ');
}

/**
 * What processes have used so far: `{ cpuMs, peakRssMiB }`, all of them together. `undefined` where there is no /proc.
 */
export function usageOf(pids) {
  try {
    return pids.map(readUsage).reduce((sum, each) => ({
      cpuMs: sum.cpuMs + each.cpuMs,
      peakRssMiB: sum.peakRssMiB + each.peakRssMiB,
    }));
  } catch {
    return undefined; // Not Linux: the bench goes without.
  }
}

/** What processes hold of memory now, in KiB, all of them together. Linux only. */
function rssKiBOf(pids) {
  const read = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
  return pids.map(read).reduce((sum, each) => sum + each, 0);
}

/** What processes that have loaded `inside.mjs` hold after a gc, in KiB, all of them together. Linux only. */
export async function rssAfterGc(pids) {
  // The second one takes what finalizers of the first one have let go.
  for (let i = 0; i < 2; i += 1) {
    for (const pid of pids) process.kill(pid, 'SIGUSR2');
    await sleep(GC_MS);
  }
  return rssKiBOf(pids);
}

function readUsage(pid) {
  // The fields after the name, which may hold spaces; utime and stime are the 14th and 15th of all, in 1/100 s.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  const peakKiB = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
  return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 10, peakRssMiB: peakKiB / 1_024 };
}
