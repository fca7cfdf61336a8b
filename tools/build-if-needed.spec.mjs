import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isBuildNeeded } from './build-if-needed.mjs';

describe('whether a build is needed', () => {
  let root;

  /** Writes a file, and makes it and its folder so many seconds old. */
  function write(path, ageSeconds) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), '');
    for (const each of [path, dirname(path)]) touch(each, ageSeconds);
  }

  function touch(path, ageSeconds) {
    const time = Date.now() / 1000 - ageSeconds;
    utimesSync(join(root, path), time, time);
  }

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rookery-build-'));
    write('src/realtime/rooms/room.ts', 20);
    for (const folder of ['src/realtime', 'src']) touch(folder, 20);
    write('package.json', 20);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('is, where nothing was built', () => {
    expect(isBuildNeeded(root)).toBe(true);
  });

  it('is not, where the last file of a build is newer than its sources', () => {
    write('dist/client/rookery-client.min.js', 10);
    expect(isBuildNeeded(root)).toBe(false);
  });

  it.each(['src/realtime/rooms/room.ts', 'package.json'])('is, where %s is newer', (path) => {
    write('dist/client/rookery-client.min.js', 10);
    touch(path, 0);
    expect(isBuildNeeded(root)).toBe(true);
  });

  it('is, where a source was removed', () => {
    write('dist/client/rookery-client.min.js', 10);
    rmSync(join(root, 'src/realtime/rooms/room.ts'));
    expect(isBuildNeeded(root)).toBe(true);
  });
});
