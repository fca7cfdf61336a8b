/**
 * `npm run build:native`: compiles native/fan-out-write.c, which writes one buffer to many sockets in one call. Optional:
 * without it everything is written by `socket.write`. Shipped with the package, so that its users can build it too.
 *
 * Not by node-gyp: a `binding.gyp` would make npm compile at each installation, and fail where there is no compiler.
 * Nothing is downloaded. The binary needs Node-API 8 and fits every Node ≥ 20 of the same platform and architecture.
 *
 * `--out file` writes it elsewhere, `-- flags` hands more to the compiler.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Symbols of Node-API are Node's own: they are there when the binary is loaded. */
const LINK = process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
const FLAGS = ['-std=c99', '-O2', '-Wall', '-Wextra', '-fPIC', '-fvisibility=hidden', ...LINK];

/** Exit code where there is nothing to compile with; 1 where the compiler refuses. */
const NO_COMPILER = 2;

/** There is nothing to compile with; a caller to whom the addon is optional goes on. */
export class NoCompilerError extends Error {}

/** Where the loader looks for the addon (src/realtime/connection/direct-writer.ts), from the root. */
export function addonPath(root) {
  return join(root, 'native/build', `${process.platform}-${process.arch}`, 'fan-out-write.node');
}

/**
 * Compiles the addon.
 *
 * @param options.out where to; default: where the loader looks
 * @param options.flags more of them for the compiler
 * @returns its path
 * @throws NoCompilerError in one sentence where there is no C compiler, no header of Node-API, or no such system call
 * @throws Error with what the compiler said, where it refuses
 */
export function buildNative(root, options = {}) {
  const { out = addonPath(root), flags = [], env = process.env, platform = process.platform } = options;
  if (platform === 'win32') {
    throw new NoCompilerError(
      'The native writer is for Linux and macOS: on Windows everything is written by socket.write.',
    );
  }
  const compiler = env.CC || 'cc';
  const include = findHeaders(root);
  if (include === undefined) {
    throw new NoCompilerError(
      'The headers of Node-API are not there: npm install --save-dev node-api-headers, then build again.',
    );
  }
  mkdirSync(dirname(out), { recursive: true });
  const part = `${out}.${process.pid}`; // A server that starts meanwhile loads the one before, or none, never half of one.
  const args = [...FLAGS, ...flags, '-I', include, '-o', part, join(root, 'native/fan-out-write.c')];
  const result = spawnSync(compiler, args, { env, encoding: 'utf8' });
  if (result.error) {
    throw new NoCompilerError(
      `The native writer is a C program and ${compiler} can't be run (${result.error.code}): install a C compiler, or name one in CC.`,
    );
  }
  if (result.status !== 0) {
    rmSync(part, { force: true });
    throw new Error(`${compiler} could not compile the native writer:\n${result.stderr}`);
  }
  renameSync(part, out);
  return out;
}

/** The package's first: its version is fixed. Then those that came with Node, as its own archives and images have them. */
function findHeaders(root) {
  const folders = [join(dirname(dirname(process.execPath)), 'include/node')];
  try {
    folders.unshift(createRequire(join(root, 'package.json'))('node-api-headers').include_dir);
  } catch {
    // A development dependency: a user of the package may well not have it.
  }
  return folders.find((folder) => existsSync(join(folder, 'node_api.h')));
}

function main(args) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const at = args.slice(0, end).indexOf('--out');
  const options = { flags: args.slice(end + 1), ...(at >= 0 ? { out: args[at + 1] } : {}) };
  try {
    console.log(`built ${relative(process.cwd(), buildNative(root, options))}`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = error instanceof NoCompilerError ? NO_COMPILER : 1;
  }
}

// Not as it was named: some package managers link a package into node_modules.
if (realpathSync(process.argv[1] ?? '.') === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
