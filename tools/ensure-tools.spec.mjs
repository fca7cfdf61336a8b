import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ensureTools, findTools } from './ensure-tools.mjs';

const REDIS = 'echo "Redis server v=7.0.15 sha=00000000:0"';
const CHROMIUM = 'echo "Chromium 120.0 built on Debian"';

describe('the programs that tests need', () => {
  let folder;
  let env;

  /** Puts a shell script on a PATH that has nothing else but the shell. */
  function program(name, script) {
    const path = join(folder, 'bin', name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return path;
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-tools-'));
    mkdirSync(join(folder, 'bin'));
    env = { PATH: join(folder, 'bin') };
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are found on the PATH', () => {
    const redis = program('redis-server', REDIS);
    const chromium = program('chromium-browser', CHROMIUM);
    expect(ensureTools(['redis-server', 'chromium'], env)).toEqual({
      'redis-server': { variable: 'REDIS_SERVER', path: redis },
      chromium: { variable: 'CHROMIUM', path: chromium },
    });
  });

  it('are taken from the environment first', () => {
    program('redis-server', REDIS);
    const other = program('my-redis', REDIS);
    expect(findTools({ ...env, REDIS_SERVER: other })['redis-server'].path).toBe(other);
    expect(findTools({ ...env, REDIS_SERVER: 'my-redis' })['redis-server'].path).toBe(other);
  });

  it('must be usable where the environment names them', () => {
    expect(() => findTools({ ...env, CHROMIUM: '/nowhere/chromium' })).toThrow(
      "CHROMIUM=/nowhere/chromium can't be used as chromium: no such program",
    );
    const old = program('old-redis', 'echo "Redis server v=6.2.7 sha=0"');
    expect(() => findTools({ ...env, REDIS_SERVER: old })).toThrow('expected version 7.0 or later');
  });

  it('are passed over on the PATH where they are too old, or a script that only names a snap', () => {
    program('redis-server', 'echo "Redis server v=6.2.7 sha=0"');
    program('chromium-browser', 'echo "requires the chromium snap" >&2; exit 1');
    const chrome = program('google-chrome', CHROMIUM);
    expect(findTools(env)).toEqual({ chromium: { variable: 'CHROMIUM', path: chrome } });
  });

  it('that are missing where there is no apt are named in one sentence', () => {
    program('redis-server', REDIS);
    expect(() => ensureTools(['redis-server', 'chromium'], env)).toThrow(
      'chromium missing: put it on the PATH or set CHROMIUM=/path/to/chromium (nothing was installed: there is no apt-get here)',
    );
  });
});
