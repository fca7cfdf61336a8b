import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { argumentsOf, compileLoadgen, faultsOf, readReport } from './loadgen.mjs';

const good = { conns: 10, up: 10, up_end: 10, failed: 0, disconnects: 0, lost: 0, dup: 0, reordered: 0 };

describe('a report of the load generator', () => {
  it('is its last line', () => {
    expect(readReport('READY 10\n{"up":10}\n')).toEqual({ up: 10 });
  });

  it.each(['', 'READY 10\n', '{"up":'])('is none in %j', (stdout) => {
    expect(readReport(stdout)).toBeUndefined();
  });

  it('without faults is good', () => {
    expect(faultsOf(good)).toEqual([]);
  });

  it.each([
    ['a loss', { lost: 3 }, ['3 lost']],
    ['more than was expected', { lost: -2 }, ['-2 lost']],
    ['a double and a reorder', { dup: 1, reordered: 2 }, ['1 doubled', '2 out of order']],
    ['a connection that was closed', { disconnects: 1, up_end: 9 }, ['1 connections lost']],
    ['a connection that never came', { up_end: 9 }, ['1 connections are not there']],
    [
      'why, where it knows',
      { failed: 2, last_error: 'HTTP/1.1 503 Service Unavailable  Retry-After: 1' },
      ['2 handshakes failed', 'last: HTTP/1.1 503 Service Unavailable'],
    ],
    ['a loss after a storm', { verify_expected: 10, verify_received: 9 }, ['1 lost after coming back']],
  ])('tells %s', (_what, counts, faults) => {
    expect(faultsOf({ ...good, ...counts })).toEqual(faults);
  });
});

describe('the options of the load generator', () => {
  it('become its arguments', () => {
    expect(argumentsOf({ conns: 10, srcBase: 2, socketio: true, quiet: false, query: undefined })).toEqual([
      '--conns',
      '10',
      '--src-base',
      '2',
      '--socketio',
    ]);
  });
});

describe('compiling the load generator', () => {
  let root;
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function rootWith(source) {
    root = mkdtempSync(join(tmpdir(), 'rookery-loadgen-'));
    mkdirSync(join(root, 'bench/loadgen'), { recursive: true });
    writeFileSync(join(root, 'bench/loadgen/loadgen.c'), source);
    return root;
  }

  it('says what is missing where there is no compiler', () => {
    const compile = () => compileLoadgen(rootWith(''), { CC: 'no-such-compiler' });
    expect(compile).toThrow("no-such-compiler can't be run (ENOENT): install a C compiler, or name one in CC.");
  });
});
