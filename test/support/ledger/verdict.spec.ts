import { describe, expect, it } from '@jest/globals';
import type { LedgerEntry } from './entries.js';
import { judge } from './verdict.js';

const room = 'general';

function sent(id: string, client = 'alice'): LedgerEntry {
  return { kind: 'sent', client, room, id, text: `text of ${id}` };
}
function acknowledged(id: string, offset: number, client = 'alice'): LedgerEntry {
  return { kind: 'acknowledged', client, room, id, offset };
}
function joined(cursor: string, recovered?: boolean): LedgerEntry {
  return { kind: 'joined', client: 'bob', room, cursor, recovered };
}
function seen(id: string, offset: number, text = `text of ${id}`): LedgerEntry {
  return { kind: 'seen', client: 'bob', room, id, offset, text };
}
const gap = (cursor: string): LedgerEntry => ({ kind: 'gap', client: 'bob', room, cursor });

/** Alice has sent four frames, and all are acknowledged. */
const four = ['a', 'b', 'c', 'd'].flatMap((id, index) => [sent(id), acknowledged(id, index + 1)]);

describe('the verdict on a ledger', () => {
  it('has nothing to say where everything was seen once and in order, through a cut', () => {
    expect(
      judge([...four, joined('e.0'), seen('a', 1), seen('b', 2), joined('e.2', true), seen('c', 3), seen('d', 4)]),
    ).toEqual([]);
  });

  it('begins at the first cursor of a client', () => {
    expect(judge([...four, joined('e.3'), seen('d', 4)])).toEqual([]);
  });

  it('finds a lost frame', () => {
    expect(judge([...four, joined('e.0'), seen('a', 1), seen('c', 3), seen('d', 4)])).toEqual([
      'bob in general: after 1 it saw 3 "text of c" (c), and 2 "text of b" (b) was lost',
    ]);
  });

  it('finds lost frames at the end', () => {
    expect(judge([...four, joined('e.0'), seen('a', 1), seen('b', 2)])).toEqual([
      'bob in general: it saw nothing after 2, lost are 2 frames from 3 "text of c" (c) on',
    ]);
  });

  it('finds a frame that came twice', () => {
    expect(judge([...four, joined('e.2'), seen('c', 3), seen('d', 4), seen('d', 4)])).toEqual([
      'bob in general: it saw 4 "text of d" (d) twice',
    ]);
  });

  it('finds two frames that changed places', () => {
    expect(judge([...four, joined('e.1'), seen('c', 3), seen('b', 2), seen('d', 4)])).toEqual([
      'bob in general: after 1 it saw 3 "text of c" (c), and 2 "text of b" (b) came later, out of order',
    ]);
  });

  it('finds a frame from before the first cursor', () => {
    expect(judge([...four, joined('e.3'), seen('c', 3), seen('d', 4)])).toEqual([
      'bob in general: after 3 it saw 3 "text of c" (c), out of order',
    ]);
  });

  it('finds a frame that was never acknowledged', () => {
    expect(judge([...four, joined('e.3'), seen('d', 4), seen('x', 5)])).toEqual([
      'bob in general: after 4 it saw 5 "text of x" (x), which was never acknowledged',
    ]);
  });

  it('finds another frame, and another text, at the offset of an acknowledged one', () => {
    expect(judge([...four, joined('e.3'), seen('x', 4)])).toEqual([
      'bob in general: after 3 it saw 4 "text of x" (x), and acknowledged was 4 "text of d" (d)',
    ]);
    expect(judge([...four, joined('e.3'), seen('d', 4, 'torn')])).toEqual([
      'bob in general: after 3 it saw 4 "torn" (d), and acknowledged was 4 "text of d" (d)',
    ]);
  });

  it('finds an offset that was acknowledged twice, and one that was acknowledged to nobody', () => {
    expect(judge([sent('a'), sent('b'), acknowledged('a', 2), acknowledged('b', 2)])).toEqual([
      'general: 2 was acknowledged for "text of a" (a) and "text of b" (b)',
      'general: 1 was acknowledged for no frame, and 2 was',
      'alice in general: it sent "text of a" (a), then "text of b" (b), and they were stored as 2 and 2',
    ]);
  });

  it('finds frames of one sender that were stored in another order', () => {
    const entries = [sent('a'), sent('b'), acknowledged('a', 2), acknowledged('b', 1)];
    expect(judge(entries)).toEqual([
      'alice in general: it sent "text of a" (a), then "text of b" (b), and they were stored as 2 and 1',
    ]);
    const refused: LedgerEntry = { kind: 'refused', client: 'alice', room, id: 'a', code: 'unavailable' };
    expect(judge([...entries, refused])).toEqual([]);
  });

  it('finds a send that was never answered, one that was rejected, and whoever gave up', () => {
    expect(
      judge([
        sent('a'),
        sent('b'),
        { kind: 'rejected', client: 'alice', room, id: 'b', code: 'outcome_unknown' },
        { kind: 'disconnected', client: 'alice', code: 1006, reason: '', comesBack: true },
        { kind: 'disconnected', client: 'alice', code: 1008, reason: 'unauthenticated', comesBack: false },
      ]),
    ).toEqual([
      'alice in general: the send b was rejected with outcome_unknown',
      'alice gave up after 1008 unauthenticated',
      'alice in general: "text of a" (a) was neither acknowledged nor rejected',
    ]);
  });

  it('finds a gap, and excuses what lies in it where that is said', () => {
    const entries = [...four, joined('e.0'), seen('a', 1), joined('f.3', false), gap('f.3'), seen('d', 4)];
    expect(judge(entries)).toEqual(['bob in general: it was told of a gap after 1, to f.3']);
    expect(judge(entries, { excuseGaps: true })).toEqual([]);
    expect(judge(entries.slice(0, -1), { excuseGaps: true })).toEqual([
      'bob in general: it saw nothing after 3, lost are 1 frames from 4 "text of d" (d) on',
    ]);
  });
});
