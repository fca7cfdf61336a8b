import { describe, expect, it } from '@jest/globals';
import { RateLimiter } from './rate-limiter.js';

function refusals(limiter: RateLimiter, count: number, now: number): number {
  return Array.from({ length: count }, () => limiter.take(now)).filter(({ allowed }) => !allowed).length;
}

describe('borrowing', () => {
  it('says how long the debt takes to be paid', () => {
    const limiter = new RateLimiter(10, 2, 0);
    expect([limiter.borrow(0), limiter.borrow(0), limiter.borrow(0), limiter.borrow(0)]).toEqual([0, 0, 100, 200]);
    expect(limiter.borrow(300)).toBe(0);
  });

  it('never waits without a rate', () => {
    const limiter = new RateLimiter(0, 0, 0);
    expect(limiter.borrow(0)).toBe(0);
  });
});

describe('RateLimiter (CL7)', () => {
  it('lets a burst through at once, and no more', () => {
    expect(refusals(new RateLimiter(50, 100, 0), 130, 0)).toBe(30);
  });

  it('lets the rate through from then on, and saves up no more than a burst', () => {
    const limiter = new RateLimiter(50, 100, 0);
    refusals(limiter, 100, 0);
    expect(refusals(limiter, 60, 1_000)).toBe(10);
    expect(refusals(limiter, 130, 3_600_000)).toBe(30);
  });

  it('says when to come back, and keeps its word', () => {
    for (const perSecond of [1, 3, 7, 50, 333, 1_000]) {
      const limiter = new RateLimiter(perSecond, 1, 0);
      let now = 0;
      for (let i = 0; i < 500; i += 1) {
        const verdict = limiter.take(now);
        if (!verdict.allowed) {
          expect(verdict.retryMs).toBeGreaterThan(0);
          now += verdict.retryMs;
          expect([perSecond, now, limiter.take(now).allowed]).toEqual([perSecond, now, true]);
        }
      }
    }
  });

  it('lets everything through at rate 0, the burst does not count', () => {
    expect(refusals(new RateLimiter(0, 1, 0), 10_000, 0)).toBe(0);
  });

  it('lets one through where the burst is 0: a rate alone is a rate', () => {
    const limiter = new RateLimiter(10, 0, 0);
    expect(refusals(limiter, 1, 0)).toBe(0);
    expect(refusals(limiter, 1, 0)).toBe(1);
    expect(refusals(limiter, 1, 100)).toBe(0);
  });

  it('calls an excess sustained after 10 s without a pause, not before', () => {
    const limiter = new RateLimiter(10, 1, 0);
    const sustained = (now: number): boolean | undefined => {
      limiter.take(now);
      const verdict = limiter.take(now);
      return verdict.allowed ? undefined : verdict.sustained;
    };
    for (let now = 0; now < 10_000; now += 500) expect([now, sustained(now)]).toEqual([now, false]);
    expect(sustained(10_000)).toBe(true);
  });

  it('forgives an excess that paused', () => {
    const limiter = new RateLimiter(10, 1, 0);
    for (let now = 0; now <= 9_000; now += 500) refusals(limiter, 3, now);
    refusals(limiter, 3, 11_000);
    limiter.take(11_500);
    expect(limiter.take(11_500)).toMatchObject({ allowed: false, sustained: false });
  });

  it('bears a clock that goes back', () => {
    const limiter = new RateLimiter(10, 5, 10_000);
    refusals(limiter, 5, 10_000);
    expect(limiter.take(5_000).allowed).toBe(false);
    expect(limiter.take(5_100).allowed).toBe(true);
  });
});
