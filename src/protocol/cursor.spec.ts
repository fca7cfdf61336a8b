import { describe, expect, it } from '@jest/globals';
import { formatCursor, parseCursor } from './cursor.js';

describe('cursors', () => {
  it.each([
    ['e.0', 'e', 0],
    ['Ab_-9.42', 'Ab_-9', 42],
    [`${'x'.repeat(32)}.9007199254740991`, 'x'.repeat(32), Number.MAX_SAFE_INTEGER],
  ])('%s is read, and written again', (text, epoch, offset) => {
    expect(parseCursor(text)).toEqual({ epoch, offset });
    expect(formatCursor(epoch, offset)).toBe(text);
  });

  it.each<unknown>([
    '',
    '.',
    'e',
    'e.',
    '.1',
    'e.-1',
    'e.01',
    'e.1.2',
    'e.1 ',
    ' e.1',
    'e.1\n',
    'e.1e3',
    'e.0x1',
    'é.1',
    `${'x'.repeat(33)}.1`,
    'e.9007199254740992',
    'e.99999999999999999999',
    undefined,
    null,
    7,
    {},
    ['e.1'],
  ])('%p is none', (text) => {
    expect(parseCursor(text)).toBeUndefined();
  });
});
