import { describe, expect, it } from '@jest/globals';
import { runWithSecondChance } from './second-run.mjs';

const ok = { passed: 2, failed: 0, skipped: 1 };
const failedIn = (...failedFiles) => ({ passed: 3, failed: 1, skipped: 1, problem: '1 failed', failedFiles });

/** Gives one result after the other, and keeps what was asked for. */
function runs(...results) {
  const asked = [];
  const run = async (options) => {
    asked.push(options);
    return results[asked.length - 1];
  };
  return { asked, run: () => runWithSecondChance({ files: ['a', 'b'], workers: 2 }, { run, tell: () => undefined }) };
}

describe('a second chance', () => {
  it('is not needed where everything passed', async () => {
    const { asked, run } = runs(ok);
    expect(await run()).toEqual({ ...ok, unsteady: [] });
    expect(asked).toHaveLength(1);
  });

  it('is for the files that failed, alone; one that passes then is told as unsteady', async () => {
    const { asked, run } = runs(failedIn('b'), ok);
    expect(await run()).toEqual({ passed: 4, failed: 0, skipped: 1, unsteady: ['b'] });
    expect(asked[1]).toEqual({ files: ['b'], workers: 1 });
  });

  it('is the last one', async () => {
    const { asked, run } = runs(failedIn('b'), failedIn('b'));
    expect(await run()).toMatchObject({ failed: 1, problem: '1 failed', unsteady: [] });
    expect(asked).toHaveLength(2);
  });

  it('is not given where much failed, nor where jest itself did', async () => {
    expect(await runs(failedIn('a', 'b', 'c', 'd')).run()).toMatchObject({ problem: '1 failed' });
    expect(await runs({ ...ok, problem: 'jest ended with code 7' }).run()).toMatchObject({
      problem: 'jest ended with code 7',
    });
  });
});
