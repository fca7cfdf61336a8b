import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { formatCounts, runJest, sumCounts } from './run-jest.mjs';

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

  function run(source) {
    writeFileSync(join(root, 'test/a.spec.mjs'), `import { expect, it } from '@jest/globals';\n${source}`);
    return runJest({ root, files: ['test/a.spec.mjs'], workers: 1, timeoutMinutes: 1, quiet: true });
  }

  it('counts what passed', async () => {
    const source = "it('a', () => {}); it('b', () => {});";
    expect(await run(source)).toEqual({ passed: 2, failed: 0, skipped: 0 });
  });

  it('counts what failed and what was skipped, and names the problem', async () => {
    const source = "it('a', () => { throw new Error(); }); it.skip('b', () => {}); it.todo('c');";
    expect(await run(source)).toEqual({ passed: 0, failed: 1, skipped: 2, problem: '1 failed' });
  });

  it('counts a file that does not load as a failure', async () => {
    expect(await run("import './nowhere.mjs';")).toMatchObject({ passed: 0, failed: 1, problem: '1 failed' });
  });

  it('ends in one line', () => {
    const counts = sumCounts([
      { passed: 1, failed: 2, skipped: 3 },
      { passed: 10, failed: 20, skipped: 30 },
    ]);
    expect(formatCounts(counts)).toBe('11 passed, 22 failed, 33 skipped');
  });
});
