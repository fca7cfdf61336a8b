import { describe, expect, it } from '@jest/globals';
import { medianOf, ratioOf, summaryOf } from './median.mjs';

describe('the median', () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[10, 9, 100, 1], 9.5],
    [[], undefined],
  ])('of %j is %j', (numbers, median) => {
    expect(medianOf(numbers)).toBe(median);
  });

  it('leaves the numbers as they were', () => {
    const numbers = [3, 1, 2];
    medianOf(numbers);
    expect(numbers).toEqual([3, 1, 2]);
  });
});

describe('the summary of a cell', () => {
  it('is the median of its rounds, of value and CPU each for itself', () => {
    const rounds = [
      { value: 30, cpuUs: 1, faults: [] },
      { value: 10, cpuUs: 3, faults: [] },
      { value: 20, cpuUs: 2, faults: [] },
    ];
    expect(summaryOf(rounds)).toEqual({ value: 20, least: 10, most: 30, cpuUs: 2, rounds: 3 });
  });

  it('has no value where one round has lost something', () => {
    const rounds = [
      { value: 30, cpuUs: 1, faults: [] },
      { value: 10, cpuUs: 3, faults: ['1 lost'] },
    ];
    expect(summaryOf(rounds)).toEqual({ faults: ['1 lost'], rounds: 2 });
  });

  it('has no CPU where none was measured', () => {
    expect(summaryOf([{ value: 30, faults: [] }]).cpuUs).toBeUndefined();
  });
});

describe('the ratio of two cells', () => {
  it.each([
    ['more', 300, 100, 3],
    ['less', 100, 300, 3],
    ['less', 300, 150, 0.5],
  ])('where %s is better, of %d to %d is %d', (better, value, other, ratio) => {
    expect(ratioOf({ value }, { value: other }, better)).toBe(ratio);
  });

  it('is none where a cell is missing or has faults', () => {
    expect(ratioOf({ value: 1 }, undefined, 'more')).toBeUndefined();
    expect(ratioOf({ faults: ['1 lost'] }, { value: 1 }, 'more')).toBeUndefined();
  });
});
