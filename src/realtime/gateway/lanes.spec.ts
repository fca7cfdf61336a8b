import { describe, expect, it } from '@jest/globals';
import { Lanes } from './lanes.js';
import type { LaneTask } from './lanes.js';

/** A task that a test ends, and whose begin is noted. */
class Steps {
  readonly begun: string[] = [];
  private readonly gates = new Map<string, () => void>();

  task(name: string): LaneTask {
    return () => this.step(name);
  }

  step(name: string): Promise<void> {
    this.begun.push(name);
    return new Promise((resolve) => this.gates.set(name, resolve));
  }

  async end(name: string): Promise<void> {
    this.gates.get(name)?.();
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const nobody = { laneSettled: (): void => undefined };

describe('Lanes (OR3)', () => {
  it('start a task when the one before it has settled, and the first at once', async () => {
    const steps = new Steps();
    const lanes = new Lanes(nobody);
    lanes.add('a', steps.task('1'));
    lanes.add('a', steps.task('2'));
    expect(steps.begun).toEqual(['1']);
    await steps.end('1');
    expect(steps.begun).toEqual(['1', '2']);
  });

  it('of different rooms do not wait for each other', () => {
    const steps = new Steps();
    const lanes = new Lanes(nobody);
    lanes.add('a', steps.task('a1'));
    lanes.add('b', steps.task('b1'));
    expect(steps.begun).toEqual(['a1', 'b1']);
  });

  it('go on when a task has released, once, though it goes on itself', async () => {
    const steps = new Steps();
    const lanes = new Lanes(nobody);
    lanes.add('a', (turn) => {
      turn.release();
      turn.release();
      return steps.step('1');
    });
    lanes.add('a', steps.task('2'));
    lanes.add('a', steps.task('3'));
    expect(steps.begun).toEqual(['1', '2']);
    await steps.end('1');
    expect(steps.begun).toEqual(['1', '2']);
    await steps.end('2');
    expect(steps.begun).toEqual(['1', '2', '3']);
  });

  it('go on after a task that rejects', async () => {
    const steps = new Steps();
    const lanes = new Lanes(nobody);
    lanes.add('a', () => Promise.reject(new Error('broke')));
    lanes.add('a', steps.task('2'));
    await turn();
    expect(steps.begun).toEqual(['2']);
  });

  it('count what waits and runs, say when a task has ended, and keep nothing of a room that is done', async () => {
    const steps = new Steps();
    let ended = 0;
    const lanes = new Lanes({ laneSettled: () => void (ended += 1) });
    lanes.add('a', steps.task('1'));
    lanes.add('a', steps.task('2'));
    expect([lanes.pending, lanes.has('a'), lanes.has('b')]).toEqual([2, true, false]);
    await steps.end('1');
    expect([lanes.pending, ended]).toEqual([1, 1]);
    await steps.end('2');
    expect([lanes.pending, ended, lanes.has('a')]).toEqual([0, 2, false]);
    expect(lanes.size).toBe(0);
  });

  it('start ten thousand tasks that end at once, in order, without a stack that grows', async () => {
    const begun: number[] = [];
    const lanes = new Lanes(nobody);
    for (let i = 0; i < 10_000; i += 1) {
      lanes.add('a', (turn) => {
        begun.push(i);
        turn.release();
        return Promise.resolve();
      });
    }
    await turn();
    expect(begun).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
  });

  it('start ten thousand tasks that release at once behind one that waited', async () => {
    const steps = new Steps();
    const lanes = new Lanes(nobody);
    lanes.add('a', steps.task('first'));
    let begun = 0;
    for (let i = 0; i < 10_000; i += 1) {
      lanes.add('a', (turn) => {
        begun += 1;
        turn.release();
        return Promise.resolve();
      });
    }
    await steps.end('first');
    await turn();
    expect([begun, lanes.pending]).toEqual([10_000, 0]);
  });
});

describe('questions beside a lane (CL3)', () => {
  it('wait for no handler', () => {
    const steps = new Steps();
    const lanes = new Lanes(nobody);
    lanes.add('a', steps.task('handler'));
    lanes.ask('a', (ahead) => steps.step(`question ${ahead}`));
    expect(steps.begun).toEqual(['handler', 'question undefined']);
  });

  it('wait for a join that is ahead of them, and know of a leave', async () => {
    const steps = new Steps();
    const lanes = new Lanes(nobody);
    lanes.addChange('a', 'joining', () => steps.step('join'));
    lanes.ask('a', (ahead) => steps.step(`first ${ahead}`));
    expect(steps.begun).toEqual(['join']);
    lanes.addChange('a', 'leaving', () => steps.step('leave'));
    lanes.ask('a', (ahead) => steps.step(`second ${ahead}`));
    expect(steps.begun).toEqual(['join', 'second leaving']);
    await steps.end('join');
    expect(steps.begun).toEqual(['join', 'second leaving', 'first joining']);
  });

  it('are waited for by a leave that came after them', async () => {
    const steps = new Steps();
    const lanes = new Lanes(nobody);
    lanes.ask('a', () => steps.step('question'));
    lanes.addChange('a', 'leaving', () => steps.step('leave'));
    await turn();
    expect(steps.begun).toEqual(['question']);
    await steps.end('question');
    expect(steps.begun).toEqual(['question', 'leave']);
    await steps.end('leave');
    expect(lanes.size).toBe(0);
  });
});
