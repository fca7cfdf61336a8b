import { describe, expect, it } from '@jest/globals';
import type { LedgerEntry } from './entries.js';
import type { StoredRooms } from './numbering.js';
import { judge } from './verdict.js';

const room = 'general';

function sent(id: string, client = 'alice'): LedgerEntry {
  return { kind: 'sent', client, room, id, text: `text of ${id}` };
}
function acknowledged(id: string, offset: number, client = 'alice'): LedgerEntry {
  return { kind: 'acknowledged', client, room, id, offset };
}
function joined(cursor: string, recovered?: boolean, client = 'bob'): LedgerEntry {
  return { kind: 'joined', client, room, cursor, ...(recovered === undefined ? {} : { recovered }) };
}
function seen(id: string, offset: number, client = 'bob', text = `text of ${id}`): LedgerEntry {
  return { kind: 'seen', client, room, id, offset, text };
}
/** As a client is told it: `joined`, and at once the gap. */
function gap(before: string, cursor: string, client = 'bob'): LedgerEntry[] {
  return [joined(cursor, false, client), { kind: 'gap', client, room, seen: before, cursor }];
}
function numbered(epoch: string, ...ancestors: [string, number][]): LedgerEntry {
  return { kind: 'numbered', room, epoch, ancestors: ancestors.map(([name, top]) => ({ epoch: name, top })) };
}
/** What Redis has: a letter for each frame, from offset 1. */
function stores(ids: string, epoch = 'e'): StoredRooms {
  const frames = ids.split('').map((id, nth) => [nth + 1, { id, text: `text of ${id}` }] as const);
  return new Map([[room, { epoch, top: ids.length, frames: new Map(frames) }]]);
}

/** Alice has sent four frames, and all are acknowledged. */
const four = [numbered('e'), ...'abcd'.split('').flatMap((id, index) => [sent(id), acknowledged(id, index + 1)])];
const judgeFour = (...entries: LedgerEntry[]): string[] => judge([...four, ...entries], stores('abcd'));

describe('the verdict on a ledger', () => {
  it('has nothing to say where everything was seen once and in order, through a cut and into another epoch', () => {
    expect(
      judgeFour(joined('e.0'), seen('a', 1), seen('b', 2), joined('e.2', true), seen('c', 3), seen('d', 4)),
    ).toEqual([]);
    expect(
      judgeFour(joined('e.0'), seen('a', 1), seen('b', 2), joined('f.2', true), seen('c', 3), seen('d', 4)),
    ).toEqual([]);
  });

  it('begins at the first cursor of a client', () => {
    expect(judgeFour(joined('e.3'), seen('d', 4))).toEqual([]);
  });

  it('finds a lost frame', () => {
    expect(judgeFour(joined('e.0'), seen('a', 1), seen('c', 3), seen('d', 4))).toEqual([
      'bob in general: 2 "text of b" (b) was lost',
    ]);
  });

  it('finds lost frames at the end, and those that a recovery left out', () => {
    expect(judgeFour(joined('e.0'), seen('a', 1), seen('b', 2))).toEqual([
      'bob in general: it saw nothing after 2, lost are 2 frames from 3 "text of c" (c) on',
    ]);
    expect(judgeFour(joined('e.0'), seen('a', 1), joined('e.3', true), seen('d', 4))).toEqual([
      'bob in general: 2 "text of b" (b) was lost',
    ]);
  });

  it('finds a frame that came twice, and a cursor that goes back', () => {
    expect(judgeFour(joined('e.2'), seen('c', 3), seen('d', 4), seen('d', 4))).toEqual([
      'bob in general: it saw 4 "text of d" (d) twice',
    ]);
    expect(judgeFour(joined('e.2'), seen('c', 3), joined('e.2', true))).toEqual([
      'bob in general: it was at 3 and is told to go on at e.2, without a gap',
    ]);
  });

  it('finds two frames that changed places, and a frame from before the first cursor', () => {
    expect(judgeFour(joined('e.1'), seen('c', 3), seen('b', 2), seen('d', 4))).toEqual([
      'bob in general: after 3 it saw 2 "text of b" (b), out of order',
    ]);
    expect(judgeFour(joined('e.3'), seen('c', 3), seen('d', 4))).toEqual([
      'bob in general: after 3 it saw 3 "text of c" (c), out of order',
    ]);
  });

  it('finds a frame that nobody sent, another one than is stored, and another text', () => {
    expect(judgeFour(joined('e.3'), seen('x', 4))).toEqual([
      'bob in general: after 3 it saw 4 "text of x" (x), which nobody sent so',
    ]);
    expect(judgeFour(joined('e.3'), seen('a', 4))).toEqual([
      'bob in general: it saw 4 "text of a" (a), stored is 4 "text of d" (d), and it was told of no gap',
    ]);
    expect(judgeFour(joined('e.3'), seen('d', 4, 'bob', 'torn'))).toEqual([
      'bob in general: after 3 it saw 4 "torn" (d), which nobody sent so',
    ]);
  });

  it('finds a hole in the numbering, a frame that is stored twice, and one that nobody sent', () => {
    const entries = [numbered('e'), sent('a'), acknowledged('a', 1)];
    expect(judge(entries, stores('aa'))).toEqual([
      'general: 2 is "text of a" (a), and so is 1',
      'general: "text of a" (a) of alice was acknowledged as 1, and is 2',
    ]);
    expect(judge(entries, stores('ax'))).toEqual(['general: 2 is "text of x" (x), which nobody sent so']);
    const { frames } = stores('a').get(room)!;
    expect(judge(entries, new Map([[room, { epoch: 'e', top: 2, frames }]]))).toEqual([
      'general: 2 has no frame, and the top is 2',
    ]);
  });

  it('finds a frame that was acknowledged and is not stored, where its sender was not told', () => {
    const entries = [...four, sent('x'), acknowledged('x', 5)];
    const gone = ['general: "text of x" (x) of alice was acknowledged as 5, and is gone, of which it was not told'];
    expect(judge(entries, stores('abcd'))).toEqual(gone);
    expect(judge([...entries, numbered('f', ['e', 4])], stores('abcd', 'f'))).toEqual(gone);
    expect(judge([...entries, ...gap('e.5', 'f.4', 'bob')], stores('abcd')).join()).toContain('is gone');
    expect(judge([...entries, ...gap('e.5', 'f.4', 'alice')], stores('abcd')).join()).not.toContain('is gone');
  });

  it('allows that a frame which its master acknowledged and lost is stored where its sender sent it again', () => {
    const entries = [...four, sent('x'), acknowledged('x', 5), sent('y', 'bob'), acknowledged('y', 5, 'bob')];
    const again: LedgerEntry = { kind: 'resent', client: 'alice', room, id: 'x' };
    expect(judge([...entries, again], stores('abcdyx'))).toEqual([]);
    const moved = ['general: "text of x" (x) of alice was acknowledged as 5, and is 6'];
    expect(judge(entries, stores('abcdyx'))).toEqual(moved);
    expect(judge([...entries, ...gap('e.5', 'f.4', 'alice')], stores('abcdyx')).join()).not.toContain('acknowledged');
    expect(judge([...entries, { ...again, id: 'y' }], stores('abcdyx'))).toEqual(moved);
  });

  it('finds frames of one sender that were stored in another order', () => {
    const entries = [sent('a'), sent('b'), acknowledged('a', 2), acknowledged('b', 1)];
    const seenByBob = [joined('e.0'), seen('b', 1), seen('a', 2)];
    expect(judge(entries, stores('ba'))).toEqual([
      'alice in general: it sent "text of a" (a), then "text of b" (b), and they were stored as 2 and 1',
    ]);
    const refused: LedgerEntry = { kind: 'refused', client: 'alice', room, id: 'a', code: 'unavailable' };
    expect(judge([...entries, refused], stores('ba'))).toEqual([]);
    const resent: LedgerEntry = { kind: 'resent', client: 'alice', room, id: 'a' };
    expect(judge([...entries, resent], stores('ba'))).toHaveLength(1);
    const another = { ...refused, id: 'another' };
    expect(judge([...entries, resent, another], stores('ba'))).toEqual([]);
    expect(judge([...entries, resent, ...seenByBob, another], stores('ba'))).toEqual([]);
    expect(judge([...entries, ...seenByBob, resent, another], stores('ba'))).toHaveLength(1);
    const lostSince: LedgerEntry[] = [
      joined('e.0'),
      seen('a', 1),
      ...gap('e.1', 'f.0'),
      resent,
      another,
      seen('b', 1),
      seen('a', 2),
    ];
    expect(judge([sent('a'), sent('b'), ...lostSince], stores('ba')).join()).not.toContain('they were stored as');
  });

  it('finds a send that was never answered, one that was rejected, and whoever gave up', () => {
    expect(
      judge(
        [
          sent('a'),
          sent('b'),
          { kind: 'rejected', client: 'alice', room, id: 'b', code: 'outcome_unknown' },
          { kind: 'disconnected', client: 'alice', code: 1006, reason: '', comesBack: true },
          { kind: 'disconnected', client: 'alice', code: 1008, reason: 'unauthenticated', comesBack: false },
        ],
        stores(''),
      ),
    ).toEqual([
      'alice in general: the send b was rejected with outcome_unknown',
      'alice gave up after 1008 unauthenticated',
      'alice in general: "text of a" (a) was neither acknowledged nor rejected',
    ]);
  });

  it('finds a gap that was told to somebody who saw nothing that was lost', () => {
    expect(judgeFour(joined('e.0'), seen('a', 1), ...gap('e.1', 'e.3'), seen('d', 4))).toEqual([
      'bob in general: it was told of a gap after e.1, to e.3, and nothing that it had seen was lost',
    ]);
    const kept = numbered('g', ['f', 4], ['e', 3]);
    expect(judgeFour(joined('e.0'), seen('a', 1), ...gap('e.1', 'f.3'), seen('d', 4), kept)).toHaveLength(1);
  });
});

/**
 * Alice has sent five frames; the master dies with the last two of them, and another one goes on after the third in
 * epoch `f`, with `x`, `y`, `z`.
 */
function failover(toldAlice: LedgerEntry[]): LedgerEntry[] {
  return [
    numbered('e'),
    joined('e.0', undefined, 'alice'),
    ...'abcde'.split('').flatMap((id, nth) => [sent(id), acknowledged(id, nth + 1), seen(id, nth + 1, 'alice')]),
    numbered('f', ['e', 3]),
    ...toldAlice,
    ...'xyz'.split('').flatMap((id, nth) => [sent(id), acknowledged(id, nth + 4), seen(id, nth + 4, 'alice')]),
  ];
}
const failedOver = failover(gap('e.5', 'f.3', 'alice'));
const afterFailover = stores('abcxyz', 'f');

describe('the verdict on a ledger whose Redis lost what was acknowledged', () => {
  it('has nothing to say where whoever saw it was told, and whoever did not goes on', () => {
    expect(judge(failedOver, afterFailover)).toEqual([]);
    const goesOn = [joined('e.2'), seen('c', 3), joined('f.3', true), seen('x', 4), seen('y', 5), seen('z', 6)];
    expect(judge([...failedOver, ...goesOn], afterFailover)).toEqual([]);
  });

  it('finds whoever saw what was lost and was not told', () => {
    const deceived = [joined('e.3'), seen('d', 4), seen('e', 5), joined('f.5', true), seen('z', 6)];
    expect(judge([...failedOver, ...deceived], afterFailover)).toEqual([
      'bob in general: it has "text of e" (e) at f.5, where alice has "text of y" (y)',
    ]);
    const late = [joined('e.3'), seen('d', 4), joined('f.4', true), ...gap('f.4', 'g.6')];
    expect(judge([...failedOver, ...late], afterFailover)).toEqual([
      'bob in general: it has "text of d" (d) at f.4, where alice has "text of x" (x)',
    ]);
  });

  it('finds a frame that is missing between two gaps', () => {
    const missing = [joined('e.2'), seen('d', 4), ...gap('e.4', 'f.6')];
    expect(judge([...failedOver, ...missing], afterFailover)).toEqual([
      'bob in general: 3 "text of c" (c) was lost, in epoch e',
    ]);
  });

  it('allows that a frame which was stored again is shown once', () => {
    // Carol's frame was stored and seen, and lost before it was acknowledged; she sent it again.
    const again = [
      numbered('e'),
      sent('a', 'carol'),
      joined('e.0'),
      seen('a', 1),
      numbered('f'),
      ...gap('e.1', 'f.0'),
      sent('b'),
      acknowledged('b', 1),
      acknowledged('a', 2, 'carol'),
      seen('b', 1),
    ];
    expect(judge(again, stores('ba', 'f'))).toEqual([]);
    expect(judge([...again, seen('a', 2)], stores('ba', 'f'))).toEqual([
      'bob in general: it saw 2 "text of a" (a) twice',
    ]);
  });
});
