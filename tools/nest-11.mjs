import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { runJest } from './run-jest.mjs';
import { findTestFiles, planStages } from './stages.mjs';

const STAGES = ['unit', 'e2e', 'conformance'];
/** What the tests need; everything else of the tree stays where it is. */
const COPIED = [
  ...[
    'src',
    'test',
    'tools',
    'bench',
    'package.json',
    'package-lock.json',
    '.npmrc',
    'jest.config.js',
    'nest-cli.json',
  ],
  ...['tsconfig.json', 'tsconfig.build.json', 'PROTOCOL.md', '.env.example'],
];

/**
 * Runs unit, e2e and conformance tests on Nest 11: in a copy of the package with packages of its own, because jest's
 * modules can't be shared between the two.
 *
 * @returns the counts of each stage
 * @throws Error if a stage fails; the copy stays, to look into
 */
export async function testOnNest11(root, env) {
  const copy = join(root, '.cache', 'nest-11');
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  // Not what the benches' peers have installed for themselves.
  const filter = (path) => !path.endsWith('node_modules');
  for (const name of COPIED) cpSync(join(root, name), join(copy, name), { recursive: true, filter });
  const npm = (...args) => execFileSync('npm', args, { cwd: copy, stdio: ['ignore', 2, 2] });
  npm('ci', '--no-audit', '--loglevel=error');
  npm('install', '--no-save', '--no-audit', '--loglevel=error', '--legacy-peer-deps', ...nest11Packages(copy));
  checkVersions(copy);
  npm('run', '--silent', 'build');
  const plan = planStages(findTestFiles(copy), ['redis-server', 'chromium']);
  const counts = [];
  for (const { stage, run } of STAGES.map((name) => plan.get(name))) {
    console.log(`-- ${stage.name} on Nest 11`);
    // Nothing in tools/ and bench/ has to do with Nest.
    const files = run.filter((path) => !/^(tools|bench)\//.test(path));
    const result = await runJest({ root: copy, files, ...stage, env });
    if (result.problem) throw new Error(`${stage.name} on Nest 11: ${result.problem} (in ${copy})`);
    counts.push(result);
  }
  rmSync(copy, { recursive: true, force: true });
  return counts;
}

/** The packages of Nest's that follow its major version, with 11 in its place; the build's own stay as they are. */
function nest11Packages(copy) {
  const { devDependencies } = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'));
  const own = ['@nestjs/cli', '@nestjs/schematics'];
  return Object.keys(devDependencies)
    .filter((name) => name.startsWith('@nestjs/') && !own.includes(name))
    .map((name) => `${name}@${name === '@nestjs/config' ? 4 : 11}`);
}

function checkVersions(copy) {
  const require = createRequire(join(copy, 'package.json'));
  for (const name of ['common', 'core', 'websockets', 'platform-ws', 'jwt']) {
    const { version } = require(`@nestjs/${name}/package.json`);
    if (!version.startsWith('11.')) throw new Error(`expected @nestjs/${name} 11 in ${copy}, got ${version}`);
  }
}
