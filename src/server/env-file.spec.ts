import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { loadEnvFile } from './env-file.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rookery-env-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
  delete process.env['ROOKERY_SPEC_A'];
  delete process.env['ROOKERY_SPEC_B'];
});

it('puts what the file says into the environment, which wins where both speak', () => {
  process.env['ROOKERY_SPEC_B'] = 'environment';
  const path = join(folder, '.env');
  writeFileSync(path, '# a comment=1\nROOKERY_SPEC_A="from # file"\nROOKERY_SPEC_B=file\n');
  expect(loadEnvFile(path)).toEqual(['ROOKERY_SPEC_A', 'ROOKERY_SPEC_B']);
  expect(process.env['ROOKERY_SPEC_A']).toBe('from # file');
  expect(process.env['ROOKERY_SPEC_B']).toBe('environment');
});

it('takes a file that is not there for an empty one', () => {
  expect(loadEnvFile(join(folder, 'none'))).toEqual([]);
});

it('tells a file that can not be read', () => {
  expect(() => loadEnvFile(folder)).toThrow(/EISDIR/);
});
