/** `npm start` calls this: builds where `dist` is not there, not whole, or older than what it is made from. */
import { execSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The file that a build writes last. `build` empties `dist` first, so where this one is, the build was whole. */
const LAST_OUTPUT = 'dist/client/rookery-client.min.js';
const INPUTS = ['src', 'package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'];

/** Says whether `dist` has to be built. Folders count too: their time tells of a file that was removed. */
export function isBuildNeeded(root) {
  const built = modifiedAtMs(join(root, LAST_OUTPUT));
  return built === undefined || INPUTS.some((input) => newestMs(join(root, input)) > built);
}

/** Builds where it is needed, its output passed on to stderr. @throws Error if the build fails. */
export function buildIfNeeded(root) {
  if (!isBuildNeeded(root)) return;
  console.error('Building (npm run build) …');
  execSync('npm run --silent build', { cwd: root, stdio: ['ignore', 2, 2] });
}

function newestMs(path) {
  const own = modifiedAtMs(path) ?? 0;
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return own;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestMs(join(path, name))), own);
}

function modifiedAtMs(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    buildIfNeeded(fileURLToPath(new URL('..', import.meta.url)));
  } catch {
    process.exitCode = 1; // The build has said why.
  }
}
