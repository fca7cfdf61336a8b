import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { formatCounts, runJest, sumCounts } from './run-jest.mjs';

/** Each run is a process of its own, and a busy machine starts it slowly. */
jest.setTimeout(30_000);

describe('a run of jest', () => {
  let root;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rookery-run-'));
    symlinkSync(fileURLToPath(new URL('../node_modules', import.meta.url)), join(root, 'node_modules'));
    writeFileSync(join(root, 'package.json'), '{"type":"module"}');
    writeFileSync(join(root, 'jest.config.js'), "export default { testMatch: ['**/*.spec.mjs'] };");
    mkdirSync(join(root, 'test'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function run(source, options = {}) {
    writeFileSync(join(root, 'test/a.spec.mjs'), `import { expect, it } from '@jest/globals';\n${source}`);
    return runJest({ root, files: ['test/a.spec.mjs'], workers: 1, timeoutMinutes: 1, quiet: true, ...options });
  }

  it('counts what passed', async () => {
    const source = "it('a', () => {}); it('b', () => {});";
    expect(await run(source)).toEqual({ passed: 2, failed: 0, skipped: 0 });
  });

  it('counts what failed and what was skipped, and names the problem', async () => {
    const source = "it('a', () => { throw new Error(); }); it.skip('b', () => {}); it.todo('c');";
    expect(await run(source)).toEqual({
      passed: 0,
      failed: 1,
      skipped: 2,
      problem: '1 failed',
      failedFiles: ['test/a.spec.mjs'],
    });
  });

  it('counts a file that does not load as a failure', async () => {
    expect(await run("import './nowhere.mjs';")).toMatchObject({ passed: 0, failed: 1, problem: '1 failed' });
  });

  it('has more time in a deep run', async () => {
    const options = { timeoutMinutes: 0, deepTimeoutMinutes: 1 };
    const ended = { passed: 0, failed: 1, skipped: 0, problem: 'not done after 0 minutes' };
    expect(await run("it('a', () => {});", { ...options, env: { ROOKERY_DEEP: '' } })).toEqual(ended);
    const deep = { ...options, env: { ROOKERY_DEEP: '1' } };
    expect(await run("it('a', () => {});", deep)).toEqual({ passed: 1, failed: 0, skipped: 0 });
  });

  it('ends in one line', () => {
    const counts = sumCounts([
      { passed: 1, failed: 2, skipped: 3 },
      { passed: 10, failed: 20, skipped: 30 },
    ]);
    expect(formatCounts(counts)).toBe('11 passed, 22 failed, 33 skipped');
  });
});
