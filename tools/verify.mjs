/**
 * `npm run verify`: everything that has to hold before a change is taken, in order; the first stage that fails ends it.
 * `npm run verify:deep` adds what takes long: the soak versions of the tests, and Nest 11.
 *
 * Its last line is `N passed, N failed, N skipped`, over all tests that ran.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { runConformance } from './conformance.mjs';
import { ensureTools, programs } from './ensure-tools.mjs';
import { runExamples } from './examples.mjs';
import { testOnNest11 } from './nest-11.mjs';
import { startPods } from './pods.mjs';
import { formatCounts, sumCounts } from './run-jest.mjs';
import { runWithSecondChance } from './second-run.mjs';
import { findTestFiles, planStages, stages } from './stages.mjs';
import { testNative } from './test-native.mjs';

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');
const deep = process.argv.includes('--deep');
const counts = [];
/** Files that passed only when they were run again. */
const unsteady = [];
const env = deep ? { ROOKERY_DEEP: '1' } : {};

/** What runs: the name that the output shows, and the work, which rejects with a sentence where it fails. */
const steps = [
  { name: 'format', run: async () => script('format:check', 'run npm run format') },
  { name: 'lint', run: async () => script('lint', 'mend what oxlint names') },
  { name: 'types', run: async () => script('types', 'mend what tsc names') },
  {
    name: 'dependency rule',
    run: async () => script('depcruise', 'the rule that was broken stands above, with its reason'),
  },
  { name: 'settings', run: async () => script('check:env', 'make .env.example and src/server/config.ts agree') },
  {
    name: 'protocol coverage',
    run: async () => script('check:protocol', 'PROTOCOL.md, its tables and its tests must agree'),
  },
  { name: 'known vulnerabilities', run: async () => script('check:audit', 'update what npm audit names') },
  { name: 'links', run: async () => script('check:links', 'mend the links that stand above') },
  { name: 'build', run: async () => script('build', 'mend what the build names') },
  { name: 'size of the client', run: async () => script('check:size', 'a page pays for every byte') },
  { name: 'examples', run: testExamples },
  { name: 'native writer under sanitizers', run: testSanitized },
  { name: 'tools', run: async () => findPrograms() },
  ...stages.map((stage) => ({ name: stage.name, run: () => test(stage) })),
  { name: 'conformance of two servers on Redis', run: testPods },
  ...(deep ? [{ name: 'Nest 11', run: async () => counts.push(...(await testOnNest11(root, env))) }] : []),
];

let failed = false;
for (const [index, step] of steps.entries()) {
  const startedAt = Date.now();
  console.log(`\n== ${index + 1}/${steps.length} ${step.name}`);
  try {
    await step.run();
    console.log(`== ${step.name}: ok, ${seconds(startedAt)}`);
  } catch (error) {
    console.log(`== ${step.name}: failed after ${seconds(startedAt)}: ${error.message}`);
    failed = true;
    break;
  }
}
if (failed) process.exitCode = 1;
if (unsteady.length > 0) console.log(`unsteady, passed the second time only: ${unsteady.join(', ')}`);
console.log(formatCounts(sumCounts(counts)));

function seconds(startedAt) {
  return `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
}

function script(name, advice) {
  const { status } = spawnSync('npm', ['run', '--silent', name], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`npm run ${name} ended with code ${status}: ${advice}`);
}

function findPrograms() {
  for (const { variable, path } of Object.values(ensureTools(Object.keys(programs)))) {
    env[variable] = path;
    console.log(`${variable}=${path}`);
  }
}

/** What customers are shown: it compiles against the build, and it works. */
async function testExamples() {
  const result = await runExamples(root);
  counts.push(result);
  if (result.problem) throw new Error(result.problem);
}

/** The C, where a mistake would not be an exception but the end of a process, or worse. */
async function testSanitized() {
  const result = await testNative(root);
  counts.push(result);
  if (result.notChecked) console.log(`not checked: ${result.notChecked}`);
  if (result.problem) throw new Error(result.problem);
}

/** The rules that hold for any server, against two of them as they are deployed. */
async function testPods() {
  const { url, secret, close } = await startPods(root, env[programs['redis-server'].variable], 2);
  try {
    const result = await runConformance(root, { ROOKERY_URL: url, ROOKERY_SECRET: secret }, env);
    counts.push(result);
    if (result.problem) throw new Error(result.problem);
  } finally {
    await close();
  }
}

async function test(stage) {
  const { run } = planStages(findTestFiles(root), Object.keys(programs)).get(stage.name);
  if (run.length === 0) throw new Error(`there is no test of this stage: its folder was renamed or is empty`);
  const result = await runWithSecondChance({ root, files: run, ...stage, env });
  unsteady.push(...result.unsteady);
  counts.push(result);
  if (result.problem) throw new Error(result.problem);
}
