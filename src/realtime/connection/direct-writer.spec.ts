import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadDirectWriter } from './direct-writer.js';

/** What the addon itself does: test/native/fan-out-write.spec.ts. */
describe('the loader of the native writer', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'rookery-writer-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function load(name: string, text: string): unknown {
    const path = join(folder, name);
    writeFileSync(path, text);
    return loadDirectWriter(path);
  }

  it('says how to get one where none was built', () => {
    const path = join(folder, 'none.node');
    expect(loadDirectWriter(path)).toEqual({ why: `${path} is not there: npm run build:native makes it` });
  });

  it('looks where the build puts it, and throws nothing', () => {
    const found = loadDirectWriter();
    const place = `native/build/${process.platform}-${process.arch}/fan-out-write.node is not there`;
    expect('writer' in found ? place : found.why).toContain(place);
  });

  it('says why where the file is no addon of this machine', () => {
    expect(load('other.node', 'no binary')).toEqual({
      why: expect.stringMatching(/^the native writer can't be loaded: ./),
    });
  });

  it('refuses one that does not do what it should', () => {
    expect(load('wrong.cjs', 'exports.write = () => 0;')).toEqual({
      why: expect.stringMatching(/^the native writer failed its test: expected 2, -9, -\d+, got 0, 0, 0$/),
    });
    expect(load('without.cjs', '')).toEqual({ why: expect.stringContaining('write is not a function') });
  });
});
