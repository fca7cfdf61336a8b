import { describe, expect, it } from '@jest/globals';
import { ErrorBudget } from './error-budget.js';

describe('ErrorBudget (CL5)', () => {
  it('bears as many as it says within a minute, and not one more', () => {
    const budget = new ErrorBudget(3);
    expect([1, 2, 3].map((now) => budget.spend(now))).toEqual([false, false, false]);
    expect(budget.spend(4)).toBe(true);
  });

  it('forgets those of a minute ago, one by one', () => {
    const budget = new ErrorBudget(2);
    budget.spend(0);
    budget.spend(30_000);
    expect(budget.spend(60_000)).toBe(false);
    expect(budget.spend(60_001)).toBe(true);
  });

  it('says of a million at once what it says of one, and notes none that is too many', () => {
    const budget = new ErrorBudget(600);
    let tooMany = 0;
    for (let i = 0; i < 1_000_000; i += 1) tooMany += Number(budget.spend(1)); // Each noted would take hours.
    expect(tooMany).toBe(999_400);
  });

  it('bears any number at 0', () => {
    const budget = new ErrorBudget(0);
    for (let i = 0; i < 1_000; i += 1) expect(budget.spend(0)).toBe(false);
  });
});
