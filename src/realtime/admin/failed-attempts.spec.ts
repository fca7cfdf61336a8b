import { describe, expect, it } from '@jest/globals';
import { FailedAttempts } from './failed-attempts.js';

describe('FailedAttempts', () => {
  it('bears five a minute from one address, and says when to come back', () => {
    const attempts = new FailedAttempts();
    expect([1, 2, 3, 4, 5, 6].map((n) => attempts.count('a', n * 1_000))).toEqual([0, 0, 0, 0, 0, 55_000]);
    expect(attempts.count('b', 6_000)).toBe(0);
    expect(attempts.count('a', 61_000)).toBe(0);
  });

  it('holds a bounded number of addresses, and lets a crowd of new ones share one budget', () => {
    const attempts = new FailedAttempts();
    for (let i = 0; i < 50_000; i += 1) attempts.count(`a${i}`, 0);
    expect((attempts as unknown as { counts: Map<string, number> }).counts.size).toBe(10_001);
    expect(attempts.count('one more', 0)).toBeGreaterThan(0);
  });
});
