/**
 * `npm run test:native`: the tests of the native writer, with its C compiled so that a read or write beside a buffer and
 * whatever C leaves undefined ends the process (AddressSanitizer, UndefinedBehaviorSanitizer). Part of `npm run verify`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative, NoCompilerError } from './build-native.mjs';
import { formatCounts, runJest } from './run-jest.mjs';

const FLAGS = ['-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const NOTHING = { passed: 0, failed: 0, skipped: 0 };

/**
 * Compiles and tests.
 *
 * @returns as `runJest`; or `notChecked`, a sentence part, where this machine can't
 * @throws Error with what the compiler said, where it refuses
 */
export async function testNative(root, env = process.env) {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-sanitized-'));
  try {
    const runtime = findRuntime(env);
    if (runtime === undefined) return { ...NOTHING, notChecked: 'the C compiler has no shared AddressSanitizer' };
    const addon = buildNative(root, { out: join(folder, 'fan-out-write.node'), flags: FLAGS, env });
    return await runJest({
      root,
      files: ['test/native/fan-out-write.spec.ts'],
      workers: 1,
      timeoutMinutes: 3,
      env: {
        ROOKERY_NATIVE_ADDON: addon,
        LD_PRELOAD: runtime, // Node was not compiled with it, and it has to come first.
        ASAN_OPTIONS: 'detect_leaks=0', // Node leaves much to the end of its process.
      },
    });
  } catch (error) {
    if (error instanceof NoCompilerError) return { ...NOTHING, notChecked: 'no C compiler' };
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The library that is loaded before Node, as gcc on Linux has it. */
function findRuntime(env) {
  const asked = spawnSync(env.CC || 'cc', ['-print-file-name=libasan.so'], { env, encoding: 'utf8' });
  if (asked.error) throw new NoCompilerError(asked.error.message);
  const path = asked.stdout.trim();
  return process.platform === 'linux' && isAbsolute(path) ? path : undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = await testNative(fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, ''));
  if (result.notChecked) console.log(`not checked: ${result.notChecked}`);
  if (result.problem) console.error(result.problem);
  if (result.problem) process.exitCode = 1;
  console.log(formatCounts(result));
}
