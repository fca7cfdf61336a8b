import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';

const BUILD = join(import.meta.dirname, '../../tools/build-native.mjs');
/** How tools/build-native.mjs ends where there is no C compiler. */
const NO_COMPILER = 2;

export interface CompiledAddon {
  /** Undefined: there is none, and `why` says in a sentence what is missing. */
  readonly path: string | undefined;
  readonly why: string;
  readonly remove: () => void;
}

/**
 * Compiles the addon into a folder of its own, so that tests leave nothing behind that a server would load. Where
 * ROOKERY_NATIVE_ADDON names one (tools/test-native.mjs does) it is that.
 *
 * @throws Error with the compiler's words where it refuses
 */
export function compileAddon(): CompiledAddon {
  const given = process.env['ROOKERY_NATIVE_ADDON'];
  if (given) return { path: given, why: '', remove: () => undefined };
  const folder = mkdtempSync(join(tmpdir(), 'rookery-native-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const path = join(folder, 'fan-out-write.node');
  const { status, stderr } = spawnSync(process.execPath, [BUILD, '--out', path], { encoding: 'utf8' });
  if (status === 0) return { path, why: '', remove };
  remove();
  if (status === NO_COMPILER) return { path: undefined, why: stderr.trim(), remove };
  throw new Error(stderr);
}

/**
 * Describes what needs the addon. A machine without a C compiler has none and needs none, the product works without:
 * there, and only there, it is skipped, with the reason in the title.
 */
export function describeWith({ path, why }: CompiledAddon, title: string, tests: (path: string) => void): void {
  if (path !== undefined) describe(title, () => tests(path));
  else describe.skip(`${title} (skipped: ${why})`, () => it('is not compiled', () => undefined));
}
