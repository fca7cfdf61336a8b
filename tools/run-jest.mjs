import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How long a test waits for a frame, at the most: a machine that is busy takes its time. */
const PATIENCE_MS = '20000';
const END_WORKER = fileURLToPath(new URL('end-worker.cjs', import.meta.url));

/**
 * Runs test files with jest, its output passed through.
 *
 * @param options.root folder of the package
 * @param options.files paths from the root
 * @param options.workers files that run at once
 * @param options.timeoutMinutes after that jest is ended
 * @param options.deepTimeoutMinutes that with `ROOKERY_DEEP=1`
 * @param options.env added to the environment
 * @param options.quiet whether jest's own lines are kept back
 * @returns `{ passed, failed, skipped, problem, failedFiles }`; a file that does not even load counts as one failed test;
 *   `problem` is a sentence where not everything passed, `failedFiles` then the paths from the root, where tests failed
 */
export async function runJest(options) {
  const { root, files, workers, env = {}, quiet = false } = options;
  const deep = { ...process.env, ...env }.ROOKERY_DEEP === '1';
  const timeoutMinutes = (deep ? options.deepTimeoutMinutes : undefined) ?? options.timeoutMinutes;
  const folder = mkdtempSync(join(tmpdir(), 'rookery-jest-'));
  const outputFile = join(folder, 'results.json');
  const args = [
    `--require=${END_WORKER}`, // Workers get what stands before the script, too.
    '--experimental-vm-modules',
    '--no-warnings=ExperimentalWarning',
    join(root, 'node_modules/jest/bin/jest.js'),
    `--maxWorkers=${workers}`,
    '--json',
    `--outputFile=${outputFile}`,
    '--runTestsByPath',
    ...files,
  ];
  try {
    const { exitCode, timedOut } = await run(args, { root, env, quiet, timeoutMs: timeoutMinutes * 60_000 });
    const problem = problemOf(exitCode, timedOut, timeoutMinutes, outputFile);
    return { ...readCounts(outputFile), ...problem, ...failedFilesOf(readReport(outputFile), files) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Adds counts up. */
export function sumCounts(all) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const counts of all) for (const key of Object.keys(sum)) sum[key] += counts[key];
  return sum;
}

/** Writes counts in the form in which a run ends: `N passed, N failed, N skipped`. */
export function formatCounts({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Reads the counts of jest's JSON report. */
export function countsOf(report) {
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

function run(args, { root, env, quiet, timeoutMs }) {
  return new Promise((resolve, reject) => {
    // --json writes the report to stdout as well; jest's own lines go to stderr.
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { ROOKERY_TEST_TIMEOUT_MS: PATIENCE_MS, ...process.env, ...env },
      stdio: ['ignore', 'ignore', quiet ? 'ignore' : 'inherit'],
    });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.once('error', reject);
    child.once('exit', (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, timedOut });
    });
  });
}

function readReport(outputFile) {
  try {
    return JSON.parse(readFileSync(outputFile, 'utf8'));
  } catch {
    return undefined; // Jest ended before it wrote one: the caller says so.
  }
}

function readCounts(outputFile) {
  const report = readReport(outputFile);
  return report ? countsOf(report) : { passed: 0, failed: 1, skipped: 0 };
}

function failedFilesOf(report, files) {
  const failed = (report?.testResults ?? []).filter(({ status }) => status === 'failed').map(({ name }) => name);
  if (failed.length === 0) return {};
  return { failedFiles: files.filter((path) => failed.some((name) => name.endsWith(path))) };
}

function problemOf(exitCode, timedOut, timeoutMinutes, outputFile) {
  const report = readReport(outputFile);
  if (timedOut && report) {
    return {
      problem: 'every test ended, but something kept jest from ending: a handle is open (jest --detectOpenHandles)',
    };
  }
  if (timedOut) return { problem: `not done after ${timeoutMinutes} minutes` };
  if (!report) return { problem: `jest ended with code ${exitCode} and without a report` };
  const { failed } = countsOf(report);
  if (failed > 0) return { problem: `${failed} failed` };
  return exitCode === 0 ? {} : { problem: `jest ended with code ${exitCode}` };
}
