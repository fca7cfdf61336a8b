/**
 * Finds redis-server and chromium for the tests that need them: by REDIS_SERVER and CHROMIUM, on the PATH, else by
 * installing them with apt where that is possible (root on Debian or Ubuntu). Called as a program it prints
 * `REDIS_SERVER=…` and `CHROMIUM=…`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The programs: variable that names one, names on the PATH, what must be true of it, the package that brings it. */
export const programs = {
  'redis-server': {
    variable: 'REDIS_SERVER',
    names: ['redis-server', 'valkey-server'],
    package: 'redis-server',
    refuse: (version) => {
      const major = /v=(\d+)/.exec(version)?.[1];
      return Number(major) >= 7 ? undefined : `expected version 7.0 or later, got ${version.trim() || 'no version'}`;
    },
  },
  chromium: {
    variable: 'CHROMIUM',
    names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    package: 'chromium',
    // Ubuntu's `chromium` may be a script that only tells to install a snap.
    refuse: (version) =>
      /\d+\.\d+/.test(version) ? undefined : `expected a version, got ${version.trim() || 'nothing'}`,
  },
};

const POLICY = '/usr/sbin/policy-rc.d';

/**
 * Looks for the programs without installing anything.
 *
 * @returns `{ [program]: { variable, path } }` of those that are there and can be used
 * @throws Error if REDIS_SERVER or CHROMIUM names something that can't be used
 */
export function findTools(env = process.env) {
  const found = {};
  for (const [program, row] of Object.entries(programs)) {
    const path = findOne(program, row, env);
    if (path !== undefined) found[program] = { variable: row.variable, path };
  }
  return found;
}

/**
 * Finds the programs, and installs those that are missing.
 *
 * @returns as {@link findTools}, all of `wanted`
 * @throws Error one sentence: what is missing and how to get it
 */
export function ensureTools(wanted, env = process.env) {
  let found = findTools(env);
  const missing = wanted.filter((program) => found[program] === undefined);
  if (missing.length === 0) return found;
  const obstacle = obstacleToApt(missing, env);
  if (obstacle !== undefined) throw new Error(missingText(missing, `nothing was installed: ${obstacle}`));
  install(
    missing.map((program) => programs[program].package),
    env,
  );
  found = findTools(env);
  const still = missing.filter((program) => found[program] === undefined);
  if (still.length > 0) throw new Error(missingText(still, 'apt installed the package, but the program can’t be used'));
  return found;
}

function missingText(missing, because) {
  const variables = missing.map((program) => `${programs[program].variable}=/path/to/${program}`).join(' ');
  return `${missing.join(' and ')} missing: put it on the PATH or set ${variables} (${because})`;
}

function findOne(program, row, env) {
  const named = env[row.variable];
  if (named) {
    const path = isAbsolute(named) || named.includes('/') ? resolve(named) : onPath(named, env);
    const reason = path === undefined || !isExecutable(path) ? 'no such program' : row.refuse(versionOf(path, env));
    if (reason !== undefined) throw new Error(`${row.variable}=${named} can't be used as ${program}: ${reason}`);
    return path;
  }
  for (const name of row.names) {
    const path = onPath(name, env);
    if (path !== undefined && row.refuse(versionOf(path, env)) === undefined) return path;
  }
  return undefined;
}

function onPath(name, env) {
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function versionOf(path, env) {
  return spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 30_000, env }).stdout ?? '';
}

function obstacleToApt(missing, env) {
  if (onPath('apt-get', env) === undefined) return 'there is no apt-get here';
  if (process.getuid?.() !== 0) return 'that takes root';
  // Installing again could upgrade, and then stop, a Redis that somebody uses.
  const there = missing.map((program) => programs[program].package).filter((name) => isInstalled(name, env));
  return there.length > 0 ? `the package ${there.join(' and ')} is installed already, but can't be used` : undefined;
}

function isInstalled(name, env) {
  const asked = spawnSync('dpkg-query', ['-W', '-f=${db:Status-Status}', name], { encoding: 'utf8', env });
  return asked.stdout?.trim() === 'installed';
}

function install(packages, env) {
  const apt = onPath('apt-get', env);
  // What apt says is long, and of use only where it fails.
  const options = {
    env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  };
  const lock = ['-o', 'DPkg::Lock::Timeout=300'];
  console.error(`Installing ${packages.join(' and ')} (apt-get) …`);
  withoutServices(() => {
    try {
      execFileSync(apt, [...lock, '-qq', 'update'], options);
      execFileSync(apt, [...lock, '-qq', 'install', '-y', '--no-install-recommends', ...packages], options);
    } catch (error) {
      console.error(lastLines(`${error.stdout ?? ''}${error.stderr ?? ''}`));
      throw new Error(`apt-get could not install ${packages.join(' and ')}; its own words stand above`, {
        cause: error,
      });
    }
  });
  if (packages.includes('redis-server')) stopRedisService(env);
}

function lastLines(text) {
  return text.trim().split('\n').slice(-20).join('\n');
}

/** Keeps packages from starting services while `work` runs. A policy that the machine has already is left as it is. */
function withoutServices(work) {
  if (existsSync(POLICY)) {
    work();
    return;
  }
  // A signal reaches apt too, and `work` returns; only then does this process end.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    work();
  } finally {
    rmSync(POLICY, { force: true });
  }
}

/** Ends the service of a package that was not there before (a policy may have let it), and keeps it from coming back. */
function stopRedisService(env) {
  const quiet = { env, stdio: 'ignore' };
  if (existsSync('/run/systemd/system')) spawnSync('systemctl', ['disable', '--now', 'redis-server'], quiet);
  else if (existsSync('/etc/init.d/redis-server')) spawnSync('/etc/init.d/redis-server', ['stop'], quiet);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    for (const { variable, path } of Object.values(ensureTools(Object.keys(programs))))
      console.log(`${variable}=${path}`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
