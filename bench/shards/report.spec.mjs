import { describe, expect, it } from '@jest/globals';
import { reportText } from './report.mjs';

const run = {
  date: '2026-11-30',
  commit: 'abc',
  node: 'v20',
  cpu: '2 × X',
  memoryGiB: 24,
  command: 'npm run bench:shards',
};
const plan = { rooms: 300, inFlight: 4, seconds: 6 };

describe('the report of the shards', () => {
  it('compares the busiest nodes, by the medians of the rounds', () => {
    const round = (one, two) => [
      { shards: 1, messagesPerSecond: 2_000, nodesUs: [one] },
      { shards: 2, messagesPerSecond: 2_500, nodesUs: two },
    ];
    const text = reportText({ run, plan, rounds: [round(30, [14, 16]), round(32, [15, 12]), round(40, [90, 1])] });
    expect(text).toContain('| 1 | 2,000 | 32.0 µs | **1.00 ×** | 32.0 µs |');
    expect(text).toContain('| 2 | 2,500 | 16.0 µs | **2.00 ×** | 30.0 µs |');
    for (const words of ['commit abc', '4 messages of each', 'Medians of 3']) expect(text).toContain(words);
  });
});
