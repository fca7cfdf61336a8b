import { describe, expect, it } from '@jest/globals';
import { betweenMarks, reportText, tableText, valueText } from './report.mjs';

const OPEN = '<!-- bench: npm run bench writes this -->';
const CLOSE = '<!-- /bench -->';
const result = {
  name: 'some',
  run: { date: '2026-11-25', commit: 'abc', node: 'v20', cpu: '2 × X', memoryGiB: 24, command: 'npm run bench' },
  settings: { rounds: 5, seconds: 3 },
  scenarios: [
    { id: 'A', title: 'A: one room', unit: 'deliveries/s', better: 'more' },
    { id: 'p99', title: 'p99', unit: 'ms', better: 'less' },
  ],
  contenders: [
    { id: 'rookery', title: 'Rookery' },
    { id: 'peer', title: 'peer' },
  ],
  cells: {
    A: { rookery: { value: 200_000, cpuUs: 5 }, peer: { value: 100_000, cpuUs: 12.4 } },
    p99: { rookery: { value: 0.5, cpuUs: 7 }, peer: { faults: ['3 lost'] } },
  },
  skipped: ['No uWebSockets.js.'],
  waiting: 0.124,
};

describe('the report of a run', () => {
  it('has value, CPU and ratio in each cell', () => {
    const text = reportText(result);
    expect(text).toContain('| A: one room: deliveries/s | **200k** · 5.00 µs | 100k · 12 µs · 2.00× |');
  });

  it('has no number where something was lost', () => {
    expect(reportText(result)).toContain('| p99 | **0.50 ms** · 7.00 µs | ✗ 3 lost |');
  });

  it('says the machine, the commit, how noisy it was and what was left out', () => {
    const text = reportText(result);
    for (const words of [
      'commit abc',
      '2 × X',
      'up to 12 %',
      '5 interleaved rounds',
      '[some.json](some.json)',
      'No uWebSockets.js.',
    ]) {
      expect(text).toContain(words);
    }
  });

  it('marks a cell that was not measured', () => {
    expect(reportText({ ...result, cells: {} })).toContain('| p99 | – | – |');
  });

  it('can be of some scenarios', () => {
    expect(tableText(result, ['A'])).not.toContain('p99');
  });
});

describe('a value for people', () => {
  it.each([
    [1_213_456, 'deliveries/s', '1,213k'],
    [7_123, 'handshakes/s', '7,120'],
    [0.254, 'ms', '0.25 ms'],
    [12.34, 'ms', '12.3 ms'],
    [6.54, 'KiB', '6.5 KiB'],
  ])('%d %s is %s', (value, unit, text) => {
    expect(valueText(value, unit)).toBe(text);
  });
});

describe('the marked block of a page', () => {
  it('is replaced, and nothing else', () => {
    const page = `before\n${OPEN}\n\nold\n\n${CLOSE}\nafter\n`;
    expect(betweenMarks(page, 'new')).toBe(`before\n${OPEN}\n\nnew\n\n${CLOSE}\nafter\n`);
  });

  it.each(['no marks', `${OPEN} open`, `${OPEN}${CLOSE}${OPEN}${CLOSE}`])('is not looked for in %j', (page) => {
    expect(() => betweenMarks(page, 'new')).toThrow('one pair');
  });
});
