import { describe, expect, it } from '@jest/globals';
import type { LedgerEntry } from './entries.js';
import { networkFaults } from './fault-kinds.js';
import { FaultLog } from './fault-log.js';
import { Ledger } from './ledger.js';
import { reportOf } from './report.js';

const kinds = { reset: networkFaults['reset']!, silence: networkFaults['silence']! };

function lost(code: number): LedgerEntry {
  return { kind: 'disconnected', client: 'bob', code, reason: '', comesBack: true };
}
const run = { seed: 1, kinds, faults: {}, entries: [], rooms: new Map(), mustBeFelt: true, durationMs: 60_000 };
const connected: LedgerEntry = { kind: 'connected', client: 'bob' };

describe('the report on a ledger', () => {
  it('counts a fault as felt where the next close of whoever was connected is its own', () => {
    const ledger = new Ledger();
    const faults = new FaultLog(ledger);
    const strikes = (kind: string, felt: number): (() => void) =>
      faults.strikes({ kind, target: 0, atMs: 0, lastsMs: 0 }, ['bob'], [felt]);
    strikes('reset', 1006);
    ledger.write(connected);
    strikes('silence', 4000);
    strikes('reset', 1006);
    ledger.write(lost(1006));
    ledger.write(lost(4000));
    expect(faults.counts).toEqual({ reset: { struck: 2, hits: 1, felt: 1 }, silence: { struck: 1, hits: 1, felt: 0 } });
  });

  it('asks of a fault that it came, where it need not be felt', () => {
    const faults = { reset: { struck: 1, hits: 0, felt: 0 } };
    const felt = reportOf({ ...run, faults }, []).unproven;
    expect(felt).toEqual(expect.arrayContaining(['no client felt reset', 'no client felt silence']));
    const came = reportOf({ ...run, faults, mustBeFelt: false }, []).unproven;
    expect(came).toContain('silence never came');
    expect(came.join()).not.toContain('reset');
  });

  it('says what did not happen in a run that proves nothing', () => {
    const faults = { reset: { struck: 3, hits: 2, felt: 1 }, silence: { struck: 3, hits: 0, felt: 0 } };
    expect(reportOf({ ...run, faults, entries: [connected, lost(1006)] }, []).unproven).toEqual([
      'no client felt silence',
      'no acknowledged',
      'no deliveries',
      'no recoveredJoins',
      'no replayed',
      'no resends',
      'no resendsOfStored',
      'no refreshes',
      'no token expired',
    ]);
  });

  it('counts what was replayed, what was lost, and what was sent again though the server had it', () => {
    const place = { client: 'bob', room: 'general' };
    const { figures } = reportOf(
      {
        ...run,
        rooms: new Map([['general', { epoch: 'e', top: 1, frames: new Map([[1, { id: 'a', text: 'a' }]]) }]]),
        entries: [
          { kind: 'sent', ...place, id: 'a', text: 'a' },
          { kind: 'resent', ...place, id: 'a' },
          { kind: 'seen', ...place, client: 'alice', id: 'a', offset: 1, text: 'a' },
          { kind: 'resent', ...place, id: 'a' },
          { kind: 'acknowledged', ...place, id: 'a', offset: 1 },
          { kind: 'joined', ...place, cursor: 'e.0', recovered: true },
          { kind: 'seen', ...place, id: 'a', offset: 1, text: 'a' },
          { kind: 'acknowledged', ...place, id: 'b', offset: 2 },
          { kind: 'gap', ...place, seen: 'e.2', cursor: 'f.1' },
          { kind: 'numbered', room: 'general', epoch: 'f', ancestors: [{ epoch: 'e', top: 1 }] },
          lost(4001),
        ],
      },
      [],
    );
    expect(figures).toEqual({
      acknowledged: 2,
      lost: 1,
      untold: 0,
      gaps: 1,
      epochs: 1,
      deliveries: 2,
      cuts: { 4001: 1 },
      recoveredJoins: 1,
      replayed: 1,
      resends: 2,
      resendsOfStored: 1,
      refusals: {},
      refreshes: 0,
    });
  });
});
