import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { addonPath, buildNative, NoCompilerError } from './build-native.mjs';

const TOOL = join(import.meta.dirname, 'build-native.mjs');

describe('building the native writer', () => {
  let root;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'rookery-native-'));
    mkdirSync(join(root, 'native'));
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'native/fan-out-write.c'), '');
    symlinkSync(
      join(import.meta.dirname, '../node_modules/node-api-headers'),
      join(root, 'node_modules/node-api-headers'),
    );
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('says what is missing where there is no compiler, and leaves nothing behind', () => {
    const build = () => buildNative(root, { env: { CC: 'no-such-compiler' } });
    expect(build).toThrow(NoCompilerError);
    expect(build).toThrow("no-such-compiler can't be run (ENOENT): install a C compiler, or name one in CC.");
    expect(existsSync(addonPath(root))).toBe(false);
  });

  it('ends with a code of its own then, so that who can do without goes on', () => {
    const env = { ...process.env, CC: 'no-such-compiler' };
    const { status, stderr } = spawnSync(process.execPath, [TOOL, '--out', addonPath(root)], { env, encoding: 'utf8' });
    expect([status, stderr.trim().split('\n').length]).toEqual([2, 1]);
  });

  it('repeats what a compiler says that refuses', () => {
    const compiler = join(root, 'refuses');
    writeFileSync(compiler, '#!/bin/sh\necho no such flag >&2\nexit 1\n', { mode: 0o755 });
    const build = () => buildNative(root, { env: { PATH: process.env.PATH, CC: compiler } });
    expect(build).toThrow('refuses could not compile the native writer:\nno such flag');
    expect(build).not.toThrow(NoCompilerError);
  });

  it('takes no addon that is half written: it appears whole, under its name', () => {
    const compiler = join(root, 'compiles');
    writeFileSync(compiler, '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\necho done > "$2"\n', { mode: 0o755 });
    expect(buildNative(root, { env: { PATH: process.env.PATH, CC: compiler } })).toBe(addonPath(root));
    expect(readdirSync(dirname(addonPath(root)))).toEqual(['fan-out-write.node']);
  });

  it('gives up on Windows before it looks for anything', () => {
    expect(() => buildNative(root, { platform: 'win32' })).toThrow('on Windows everything is written by socket.write');
  });
});
