import { runJest } from './run-jest.mjs';

/** More files than this that fail at once are no accident. */
const MOST_FILES = 3;

/**
 * Runs test files with jest, and those that failed once more, alone. Tests of real processes, sockets and faults depend on
 * what else the machine does; what fails twice is broken. A file that failed once only is told as unsteady, to be looked
 * at: a race, in the test or in what it tests.
 *
 * @returns as `runJest`, and `unsteady`: the files that passed only the second time
 */
export async function runWithSecondChance(options, { run = runJest, tell = console.error } = {}) {
  const first = await run(options);
  const { failedFiles = [] } = first;
  if (failedFiles.length === 0 || failedFiles.length > MOST_FILES) return { ...first, unsteady: [] };
  tell(`\n== ${failedFiles.join(', ')}: failed, runs once more, alone`);
  const second = await run({ ...options, files: failedFiles, workers: 1 });
  if (second.problem) return { ...first, unsteady: [] };
  return { passed: first.passed + first.failed, failed: 0, skipped: first.skipped, unsteady: failedFiles };
}
