import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

/** After that a run is ended and has failed. */
const MAX_SECS = 170;

/**
 * Compiles the load generator into `.cache/bench`, once for each version of its source.
 *
 * @returns its path
 * @throws Error in one sentence where there is no C compiler, and with what it said where it refuses
 */
export function compileLoadgen(root, env = process.env) {
  const source = join(root, 'bench/loadgen/loadgen.c');
  const version = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12);
  const folder = join(root, '.cache/bench');
  const program = join(folder, `loadgen-${version}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const compiler = env.CC ?? 'cc';
  const part = `${program}.${process.pid}`; // Two benches that start at once don't run half of a program.
  const result = spawnSync(compiler, ['-O2', '-o', part, source], { env, encoding: 'utf8' });
  if (result.error) {
    throw new Error(
      `The load generator is a C program for Linux and ${compiler} can't be run (${result.error.code}): install a C compiler, or name one in CC.`,
    );
  }
  if (result.status !== 0) throw new Error(`${compiler} could not compile the load generator:\n${result.stderr}`);
  renameSync(part, program);
  return program;
}

/** Options of the load generator as arguments: `{ srcBase: 2, socketio: true }` is `--src-base 2 --socketio`. */
export function argumentsOf(options) {
  return Object.entries(options).flatMap(([name, value]) => {
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === undefined || value === false) return [];
    return value === true ? [flag] : [flag, String(value)];
  });
}

/**
 * Runs the load generator.
 *
 * @param wrapper what is put before its command line
 * @param onReady called when its connections are up, in the mode that holds them idle
 * @returns `{ report, endedAtUs }`: what it measured; when it ended, on the clock of `process.hrtime`
 */
export function generate(program, options, wrapper = [], onReady = () => undefined) {
  const [command, ...args] = [...wrapper, program, '--max-secs', MAX_SECS, ...argumentsOf(options)].map(String);
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      const endedAtUs = Number(process.hrtime.bigint() / 1_000n);
      const report = readReport(stdout);
      // It ends with 4 where connections were lost: `faultsOf` says so.
      if (report && !report.error) return resolve({ report, endedAtUs });
      reject(new Error(`the load generator failed (${report?.error ?? error?.message}): ${stderr.trim()}`));
    });
    child.stdout.on('data', (text) => {
      if (/^READY /m.test(text)) onReady();
    });
  });
}

/** Reads what the load generator printed: its last line. `undefined`: it is no JSON. */
export function readReport(stdout) {
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1));
  } catch {
    return undefined; // The caller says that there is none, with what was written to stderr.
  }
}

/** Counts of the report that must be 0, and what they say. */
const FAULTS = {
  lost: 'lost',
  dup: 'doubled',
  reordered: 'out of order',
  misrouted: 'in a wrong room',
  bad_frames: 'bad frames',
  disconnects: 'connections lost',
  failed: 'handshakes failed',
  bad_accept: 'bad handshakes',
};

/** What makes a run worth nothing: one sentence part for each kind of fault. Empty: none. */
export function faultsOf(report) {
  const faults = Object.entries(FAULTS).flatMap(([name, words]) => (report[name] ? [`${report[name]} ${words}`] : []));
  const missing = (report.verify_expected ?? 0) - (report.verify_received ?? 0);
  if (missing !== 0) faults.push(`${missing} lost after coming back`);
  const absent = report.conns - (report.up_end ?? report.up);
  if (absent > 0 && faults.length === 0) faults.push(`${absent} connections are not there`);
  if (faults.length > 0 && report.last_error) faults.push(`last: ${report.last_error.split('  ')[0]}`);
  return faults;
}
