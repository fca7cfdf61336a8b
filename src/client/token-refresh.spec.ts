import { describe, expect, it } from '@jest/globals';
import { ManualClock } from './client.double.js';
import type { Frame } from './client.double.js';
import type { AnswerFrame } from './outbox.js';
import { TokenRefresh } from './token-refresh.js';
import { TokenSource } from './token-source.js';
import type { Token } from './token-source.js';

function setUp(token: Token = () => 'fresh') {
  const clock = new ManualClock();
  const sent: Frame[] = [];
  const answers = new Map<string, (frame: AnswerFrame | undefined) => void>();
  const refresh = new TokenRefresh({
    clock,
    token: new TokenSource(token),
    expect: (id, answer) => void answers.set(id, answer),
    send: (text) => void sent.push(JSON.parse(text) as Frame),
  });
  const last = (): string => String(sent.at(-1)?.['id']);
  return {
    clock,
    refresh,
    sent,
    /** Moves time, and lets what was fetched arrive. */
    pass: async (ms: number) => {
      clock.advance(ms);
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    },
    ack: (expiresAt?: number) => answers.get(last())?.({ type: 'ack', id: last(), data: { expiresAt } }),
    refuse: () => answers.get(last())?.({ type: 'error', id: last(), code: 'unauthenticated', message: 'no' }),
    lose: () => answers.get(last())?.(undefined),
  };
}

const HOUR_MS = 3_600_000;

describe('TokenRefresh', () => {
  it('AU1 brings a fresh token a minute before the present one ends, and again before that one ends', async () => {
    const { clock, refresh, sent, pass, ack } = setUp();
    refresh.until(clock.now() + HOUR_MS);
    await pass(HOUR_MS - 60_001);
    expect(sent).toEqual([]);
    await pass(1);
    expect(sent).toEqual([{ type: 'auth', id: expect.any(String), token: 'fresh' }]);
    ack(clock.now() + HOUR_MS);
    await pass(HOUR_MS - 60_000);
    expect(sent).toHaveLength(2);
  });

  it('renews a short-lived token at half its time', async () => {
    const { clock, refresh, sent, pass } = setUp();
    refresh.until(clock.now() + 10_000);
    await pass(4_999);
    expect(sent).toEqual([]);
    await pass(1);
    expect(sent).toHaveLength(1);
  });

  it('tries again after half of the time that is left, until it is too late', async () => {
    const { clock, refresh, sent, pass, refuse } = setUp();
    refresh.until(clock.now() + 16_000);
    const tries: number[] = [];
    for (let ms = 0; ms < 20_000; ms += 500) {
      await pass(500);
      if (sent.length > tries.length) tries.push(ms + 500);
      if (sent.length > 0) refuse();
    }
    expect(tries).toEqual([8_000, 12_000, 14_000, 15_000, 15_500]);
  });

  it.each([
    ['that fails', () => Promise.reject(new Error('no network'))],
    ['that has none', () => undefined],
  ])('asks a token function %s again', async (_how, token) => {
    let asked = 0;
    const { clock, refresh, sent, pass } = setUp(() => {
      asked += 1;
      return token();
    });
    refresh.until(clock.now() + 8_000);
    await pass(4_000);
    await pass(2_000);
    expect([asked, sent]).toEqual([2, []]);
  });

  it('does nothing where no fresher token can be had, or none ends', async () => {
    const fixed = setUp('the only one');
    fixed.refresh.until(fixed.clock.now() + 8_000);
    await fixed.pass(8_000);
    const endless = setUp();
    endless.refresh.until(undefined);
    await endless.pass(HOUR_MS);
    expect([fixed.sent, endless.sent]).toEqual([[], []]);
  });

  it('waits for a token that lives longer than a timer can', async () => {
    const { clock, refresh, sent, pass } = setUp();
    const year = 365 * 24 * HOUR_MS;
    refresh.until(clock.now() + year);
    await pass(year - 60_001);
    expect(sent).toEqual([]);
    await pass(1);
    expect(sent).toHaveLength(1);
  });

  it('forgets a token that comes after the connection is gone, and an answer that never came', async () => {
    const waiting: ((token: string) => void)[] = [];
    const { clock, refresh, sent, pass, lose } = setUp(() => new Promise((resolve) => waiting.push(resolve)));
    refresh.until(clock.now() + 8_000);
    await pass(4_000);
    refresh.stop();
    waiting[0]?.('late');
    await pass(0);
    expect(sent).toEqual([]);
    refresh.until(clock.now() + 8_000);
    await pass(4_000);
    waiting[1]?.('in time');
    await pass(0);
    refresh.stop();
    lose();
    await pass(8_000);
    expect(sent.map(({ token }) => token)).toEqual(['in time']);
  });
});
