/**
 * Loaded into a server before anything else (`NODE_OPTIONS=--import`), so that a bench sees its inside, whatever server it
 * is. A signal SIGUSR2 collects all garbage. With `BENCH_PROFILE=<file>` the CPU is sampled from the start, and the signal
 * ends that and writes the profile; when the file is there, it is whole.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const SAMPLE_US = 500;
const { BENCH_PROFILE } = process.env;

if (BENCH_PROFILE) {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  await session.post('Profiler.start');
  process.once('SIGUSR2', () => void finish(session));
} else {
  setFlagsFromString('--expose-gc');
  process.on('SIGUSR2', runInNewContext('() => gc()'));
}

async function finish(session) {
  const { profile } = await session.post('Profiler.stop');
  writeFileSync(`${BENCH_PROFILE}.part`, JSON.stringify(profile));
  renameSync(`${BENCH_PROFILE}.part`, BENCH_PROFILE);
}
