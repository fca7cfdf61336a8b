/**
 * `npm run examples`: compiles the examples against what `npm run build` made, bundles the page, and runs their tests with
 * Node's own runner; and holds docs/testing.md to them: each piece of code there stands in a file of examples/testing.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { formatCounts } from './run-jest.mjs';

const OUTPUT = '.cache/examples';

/**
 * @param root folder of the package
 * @returns `{ passed, failed, skipped, problem }`; `problem` is a sentence where not everything passed
 */
export async function runExamples(root) {
  const invented = findInventedCode(
    readFileSync(join(root, 'docs/testing.md'), 'utf8'),
    filesBelow(join(root, 'examples/testing'), '.ts').map((path) => readFileSync(path, 'utf8')),
  );
  if (invented !== undefined) {
    return { passed: 0, failed: 1, skipped: 0, problem: `docs/testing.md has code that no example has:\n${invented}` };
  }
  rmSync(join(root, OUTPUT), { recursive: true, force: true });
  const compiler = [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'examples'];
  const { status } = spawnSync(process.execPath, compiler, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) {
    return {
      passed: 0,
      failed: 1,
      skipped: 0,
      problem: 'the examples do not compile; is dist up to date (npm run build)?',
    };
  }
  await build({
    absWorkingDir: root,
    entryPoints: ['examples/typed-chat/web/main.ts'],
    outfile: `${OUTPUT}/typed-chat/page.js`,
    bundle: true,
    minify: true,
    format: 'esm',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
  });
  return runNodeTests(root, filesBelow(join(root, OUTPUT), '.test.js'));
}

/** The first piece of TypeScript in a page that stands word for word in none of the files. */
export function findInventedCode(page, files) {
  const pieces = [...page.matchAll(/^```ts\n([^]*?)^```$/gm)].map((match) => match[1] ?? '');
  if (pieces.length === 0) return 'no code at all';
  return pieces.find((piece) => !files.some((file) => file.includes(piece)));
}

function runNodeTests(root, files) {
  const args = ['--test', '--test-reporter=tap', ...files];
  const { stdout, status } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 300_000 });
  const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(stdout)?.[1] ?? 0);
  const counts = { passed: count('pass'), failed: count('fail') + count('cancelled'), skipped: count('skipped') };
  if (status === 0 && counts.passed > 0) return counts;
  return { ...counts, failed: Math.max(1, counts.failed), problem: `the tests of the examples failed:\n${stdout}` };
}

function filesBelow(folder, ending) {
  return readdirSync(folder, { recursive: true })
    .filter((path) => path.endsWith(ending))
    .map((path) => join(folder, path));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const result = await runExamples(fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, ''));
  if (result.problem !== undefined) {
    console.error(result.problem);
    process.exitCode = 1;
  }
  console.log(formatCounts(result));
}
