import { describe, expect, it } from '@jest/globals';
import { LineBudget } from './line-budget.js';

function written(budget: LineBudget, kind: string, lines: number, now: number): number {
  return Array.from({ length: lines }, () => budget.take(kind, now)).filter((one) => one !== undefined).length;
}

describe('LineBudget', () => {
  it('lets a storm of reconnects be written, and bounds a flood to 100 lines a second', () => {
    const budget = new LineBudget();
    expect(written(budget, 'log connected', 2_000, 0)).toBe(2_000);
    expect(written(budget, 'log connected', 10_000, 0)).toBe(0);
    expect(written(budget, 'log connected', 10_000, 1_000)).toBe(100);
  });

  it('says in the next line how many were left out, once', () => {
    const budget = new LineBudget();
    written(budget, 'warn refused', 2_123, 0);
    expect([budget.take('warn refused', 1_000), budget.take('warn refused', 1_000)]).toEqual([123, 0]);
  });

  it('keeps a flood of one kind from hiding another', () => {
    const budget = new LineBudget();
    written(budget, 'warn refused', 5_000, 0);
    expect(budget.take('error subscriptions_died', 0)).toBe(0);
  });
});
