import { describe, expect, it } from '@jest/globals';
import { CloseCode, closeCodeTable, comeBackAfter, formatCloseReason, parseCloseReason } from './close-codes.js';

describe('the close-code table', () => {
  it('has a row for every code that has a name, and a name for every row', () => {
    expect(new Set(closeCodeTable.map(({ code }) => code))).toEqual(new Set(Object.values(CloseCode)));
  });

  it('keeps its word about 4000–4499 and 4500–4999', () => {
    for (const { code, comeBack } of closeCodeTable) {
      if (code >= 4000) expect([code, comeBack === 'no']).toEqual([code, code >= 4500]);
    }
  });

  it.each<[number, string, string]>([
    [1000, '', 'no'],
    [1001, 'going_away', 'yes'],
    [1005, '', 'yes'],
    [1006, '', 'yes'],
    [1008, 'unauthenticated', 'once-with-fresh-token'],
    [1008, 'forbidden retry=100', 'once-with-fresh-token'],
    [1008, 'origin', 'no'],
    [1008, '', 'once-with-fresh-token'],
    [1013, 'limit retry=5000', 'yes'],
    [4001, 'token_expired', 'fresh-token'],
    [4499, 'whatever', 'yes'],
    [4500, 'bad_room', 'no'],
    [4999, '', 'no'],
    [3000, '', 'yes'],
  ])('after %i %j a client comes back: %s', (code, reason, comeBack) => {
    expect(comeBackAfter(code, reason)).toBe(comeBack);
  });
});

describe('close reasons', () => {
  it('are written as one word, with the advice behind it', () => {
    expect(formatCloseReason('overloaded')).toBe('overloaded');
    expect(formatCloseReason('overloaded', 1_234.2)).toBe('overloaded retry=1235');
    expect(formatCloseReason('overloaded', -1)).toBe('overloaded retry=0');
  });

  it.each<[string, object]>([
    ['', { word: '' }],
    ['kicked', { word: 'kicked' }],
    ['limit retry=500', { word: 'limit', retryMs: 500 }],
    ['limit retry=', { word: 'limit' }],
    ['limit retry=-5', { word: 'limit' }],
    ['limit retry=1e9', { word: 'limit', retryMs: 1 }],
    ['some other text', { word: 'some' }],
    [`limit retry=${'9'.repeat(30)}`, { word: 'limit', retryMs: 999_999_999 }],
  ])('%j is read as %j', (reason, read) => {
    expect(parseCloseReason(reason)).toEqual(read);
  });

  it('are read as they were written', () => {
    for (const { reasons } of closeCodeTable) {
      for (const word of reasons) {
        expect(parseCloseReason(formatCloseReason(word, 700))).toEqual({ word, retryMs: 700 });
        expect(Buffer.byteLength(formatCloseReason(word, 999_999_999))).toBeLessThanOrEqual(123);
      }
    }
  });
});
