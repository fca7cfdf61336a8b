import { describe, expect, it } from '@jest/globals';
import { ManualClock } from './manual-clock.js';

describe('ManualClock', () => {
  it('runs what becomes due in its order, each at its own time', () => {
    const clock = new ManualClock(1_000);
    const ran: string[] = [];
    clock.after(20, () => ran.push(`late ${clock.now()}`));
    clock.after(10, () => ran.push(`early ${clock.now()}`));
    clock.after(10, () => ran.push(`second ${clock.now()}`));
    clock.advance(20);
    expect(ran).toEqual(['early 1010', 'second 1010', 'late 1020']);
    expect(clock.pending).toBe(0);
  });

  it('jumps without time passing', () => {
    const clock = new ManualClock(1_000);
    let ran = false;
    clock.after(10, () => (ran = true));
    clock.jump(3_600_000);
    expect([clock.now(), clock.elapsed(), ran]).toEqual([3_601_000, 1_000, false]);
    clock.advance(10);
    expect([clock.now(), clock.elapsed(), ran]).toEqual([3_601_010, 1_010, true]);
  });

  it('runs nothing before its time', () => {
    const clock = new ManualClock();
    let ran = false;
    clock.after(10, () => (ran = true));
    clock.advance(9);
    expect(ran).toBe(false);
    clock.advance(1);
    expect(ran).toBe(true);
  });

  it('repeats until it is cancelled, also from inside', () => {
    const clock = new ManualClock(0);
    const ran: number[] = [];
    const timer = clock.every(10, () => {
      ran.push(clock.now());
      if (ran.length === 3) timer.cancel();
    });
    clock.advance(100);
    expect(ran).toEqual([10, 20, 30]);
  });

  it('runs what a task sets on the way, if it becomes due too', () => {
    const clock = new ManualClock(0);
    const ran: number[] = [];
    clock.after(10, () => clock.after(5, () => ran.push(clock.now())));
    clock.advance(14);
    expect(ran).toEqual([]);
    clock.advance(1);
    expect(ran).toEqual([15]);
  });

  it('runs nothing that was cancelled', () => {
    const clock = new ManualClock();
    let ran = false;
    clock.after(10, () => (ran = true)).cancel();
    clock.advance(100);
    expect(ran).toBe(false);
  });
});
