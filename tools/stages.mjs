import { readdirSync } from 'node:fs';
import { join, sep } from 'node:path';

/**
 * The stages of the tests, in the order in which they run. A test file belongs to the stage of its folder; one named
 * `*.redis.spec.ts` needs redis-server, whatever its folder.
 *
 * - `needs`: programs that every file of the stage needs. `npm test` leaves such a stage out.
 * - `built`: the stage starts what `npm run build` made.
 * - `workers`: files that run at once. 1 where a file starts processes of its own.
 * - `timeoutMinutes`: after that the stage is ended and has failed. `deepTimeoutMinutes`: that with `ROOKERY_DEEP=1`.
 */
export const stages = [
  { name: 'unit', needs: [], built: false, workers: 2, timeoutMinutes: 5 },
  { name: 'contract', needs: [], built: false, workers: 2, timeoutMinutes: 5 },
  { name: 'native', needs: [], built: false, workers: 1, timeoutMinutes: 5 },
  { name: 'conformance', needs: [], built: false, workers: 2, timeoutMinutes: 10 },
  { name: 'e2e', needs: [], built: true, workers: 2, timeoutMinutes: 10 },
  { name: 'cluster', needs: ['redis-server'], built: true, workers: 1, timeoutMinutes: 10 },
  { name: 'fault', needs: ['redis-server'], built: true, workers: 1, timeoutMinutes: 15, deepTimeoutMinutes: 90 },
  { name: 'browser', needs: ['chromium'], built: true, workers: 1, timeoutMinutes: 10, deepTimeoutMinutes: 20 },
  { name: 'package', needs: [], built: true, workers: 1, timeoutMinutes: 10, onlyVerify: true },
];

/** Names the stage of a test file, given by its path from the root with `/`. `undefined`: it has none. */
export function stageOf(path) {
  if (/^(src|tools|bench|test\/support)\//.test(path)) return 'unit';
  const folder = /^test\/([^/]+)\//.exec(path)?.[1];
  return stages.find((stage) => stage.name === folder)?.name;
}

/** Names the programs that a test file needs. */
export function needsOf(path) {
  const needs = new Set(stages.find((stage) => stage.name === stageOf(path))?.needs);
  if (path.endsWith('.redis.spec.ts')) needs.add('redis-server');
  return [...needs];
}

/** Finds every test file below `src`, `test`, `tools` and `bench`, as paths from the root with `/`, sorted. */
export function findTestFiles(root) {
  const files = [];
  for (const top of ['src', 'test', 'tools', 'bench']) {
    for (const entry of readdirSync(join(root, top), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.spec\.(ts|mjs)$/.test(entry.name)) continue;
      const path = join(entry.parentPath ?? entry.path, entry.name).slice(root.length + 1);
      files.push(path.split(sep).join('/'));
    }
  }
  return files.filter((path) => !/^test\/package\/fixtures\/|\/node_modules\//.test(path)).sort();
}

/**
 * Sorts test files into stages.
 *
 * @returns for each stage the files that run with the `available` programs, and those that are left out
 * @throws Error if a file belongs to no stage
 */
export function planStages(files, available) {
  const plan = new Map(stages.map((stage) => [stage.name, { stage, run: [], leftOut: [] }]));
  for (const path of files) {
    const name = stageOf(path);
    if (name === undefined) {
      const folders = stages.map((stage) => `test/${stage.name}`).join(', ');
      throw new Error(`${path} belongs to no stage: put it beside its source or into one of ${folders}`);
    }
    const there = needsOf(path).every((program) => available.includes(program));
    plan.get(name)[there ? 'run' : 'leftOut'].push(path);
  }
  return plan;
}
