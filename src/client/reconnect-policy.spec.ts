import { describe, expect, it } from '@jest/globals';
import { closeCodeTable } from '../protocol/index.js';
import { ReconnectPolicy } from './reconnect-policy.js';

const always = (value: number) => new ReconnectPolicy(() => value);

describe('ReconnectPolicy', () => {
  it.each(closeCodeTable.map((row) => ({ ...row, reason: row.reasons[0] ?? '' })))(
    'CC1 $code $reason comes back as the table says: $comeBack',
    ({ code, reason, comeBack }) => {
      const policy = always(0);
      expect(policy.after(code, reason, true) !== undefined).toBe(comeBack !== 'no');
      expect(policy.after(code, reason, true) !== undefined).toBe(comeBack === 'yes' || comeBack === 'fresh-token');
    },
  );

  it('stays away where a fresh token is needed and none can be had', () => {
    expect(always(0).after(1008, 'unauthenticated', false)).toBeUndefined();
    expect(always(0).after(4001, 'token_expired', false)).toBeUndefined();
    expect(always(0).after(1006, '', false)).toBeDefined();
  });

  it('CC1 comes back from a code that nobody knows, below 4500', () => {
    expect(always(0).after(4444, 'whatever', true)).toBeDefined();
    expect(always(0).after(4999, 'whatever', true)).toBeUndefined();
    expect(always(0).after(1005, '', true)).toBeDefined();
  });

  it('CC2 waits 250 ms and a random part of 1 s doubling to 30 s', () => {
    const shortest = always(0);
    const longest = always(1);
    const waits = (policy: ReconnectPolicy) => Array.from({ length: 8 }, () => policy.after(1006, '', true)?.waitMs);
    expect(waits(shortest)).toEqual(Array(8).fill(250));
    expect(waits(longest)).toEqual([1_250, 2_250, 4_250, 8_250, 16_250, 30_250, 30_250, 30_250]);
  });

  it('CC1 waits at least as long as the close reason advises', () => {
    expect(always(0).after(1012, 'service_restart retry=7000', true)).toEqual({ waitMs: 7_000, leastMs: 7_000 });
    expect(always(1).after(1012, 'service_restart retry=400', true)).toEqual({ waitMs: 1_250, leastMs: 400 });
    expect(always(0).after(1012, 'service_restart retry=1', true)).toEqual({ waitMs: 250, leastMs: 250 });
  });

  it('CC2 begins anew after a reset, the one try at 1008 too', () => {
    const policy = always(1);
    policy.after(1006, '', true);
    policy.after(1008, 'unauthenticated', true);
    policy.reset();
    expect(policy.after(1008, 'unauthenticated', true)?.waitMs).toBe(1_250);
  });

  it('still waits a finite time after a thousand attempts', () => {
    const policy = always(1);
    for (let attempt = 0; attempt < 2_000; attempt += 1) policy.after(1006, '', true);
    expect(policy.after(1006, '', true)?.waitMs).toBe(30_250);
  });
});
