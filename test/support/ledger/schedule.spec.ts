import { describe, expect, it } from '@jest/globals';
import { planFaults } from './schedule.js';
import type { FaultRhythm } from './schedule.js';

const kinds: Record<string, FaultRhythm> = {
  reset: { hits: 'client', everyMs: 1_000, lastsMs: [0, 0] },
  silence: { hits: 'client', everyMs: 5_000, lastsMs: [2_000, 3_000] },
  restart: { hits: 'pod', everyMs: 60_000, lastsMs: [0, 0] },
};

function plan(seed: number, durationMs = 30_000) {
  return planFaults({ seed, durationMs, kinds, clients: 4, pods: 2 });
}

describe('the schedule of faults', () => {
  it('is the same for the same seed', () => {
    expect(plan(7)).toEqual(plan(7));
  });

  it('is another one for another seed', () => {
    expect(plan(7)).not.toEqual(plan(8));
  });

  it('has every kind, as often as it says, at least once, in order of time', () => {
    const faults = plan(7);
    const times = faults.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((one, other) => one - other));
    expect(times.at(-1)).toBeLessThan(30_000);
    const count = (kind: string) => faults.filter((fault) => fault.kind === kind).length;
    expect({ reset: count('reset'), silence: count('silence'), restart: count('restart') }).toEqual({
      reset: 30,
      silence: 6,
      restart: 1,
    });
  });

  it('hits every client', () => {
    const clients = plan(7).filter(({ kind }) => kind !== 'restart');
    expect(new Set(clients.map(({ target }) => target))).toEqual(new Set([0, 1, 2, 3]));
  });

  it('hits nobody while an earlier fault lasts', () => {
    const faults = planFaults({
      seed: 7,
      durationMs: 60_000,
      kinds: { silence: kinds['silence']! },
      clients: 4,
      pods: 2,
    });
    for (const [index, fault] of faults.entries()) {
      const meanwhile = faults.slice(index + 1).filter(({ atMs }) => atMs < fault.atMs + fault.lastsMs);
      expect(meanwhile.map(({ target }) => target)).not.toContain(fault.target);
    }
  });
});
