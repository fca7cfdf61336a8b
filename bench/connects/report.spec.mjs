import { describe, expect, it } from '@jest/globals';
import { reportText } from './report.mjs';

const run = {
  date: '2026-11-25',
  commit: 'abc',
  node: 'v20',
  cpu: '2 × X',
  memoryGiB: 24,
  command: 'npm run bench:connects',
};

describe('the report of a million connects', () => {
  it('says what the process holds, and what a connection leaves behind', () => {
    const looks = [
      { connections: 100_000, rssKiB: 102_400 },
      { connections: 1_100_000, rssKiB: 103_424 },
    ];
    const text = reportText({ run, atOnce: 4_000, looks });
    expect(text).toContain('| 1,100,000 | 101.0 MiB |');
    expect(text).toContain('1.05 bytes a connection');
    expect(text).toContain('commit abc');
  });
});
