import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../test/support/seeded-random.js';
import { RateLimiter } from '../realtime/limits/rate-limiter.js';
import { Pacer } from './pacer.js';

const limits = { framesPerSecond: 50, burst: 100, rooms: 0 };

/** How many frames leave at once; `answered`: each has its answer before the next one. */
function drain(pacer: Pacer, now: number, answered = true): number {
  let sent = 0;
  for (; sent < 10_000 && pacer.waitMs(now) === 0; sent += 1) {
    const id = `${now}-${sent}`;
    pacer.sent(id);
    if (answered) pacer.answered(id, now);
  }
  return sent;
}

/**
 * A client that always has something to send, and a server that counts as it does. Frames and answers are late by chance
 * and never overtake each other; what a stall held up arrives at once. Gives what the server refused.
 */
function refusals(seed: number, { framesPerSecond, burst }: { framesPerSecond: number; burst: number }): number {
  const random = new SeededRandom(seed);
  const pacer = new Pacer({ framesPerSecond, burst, rooms: 0 }, 0);
  const server = new RateLimiter(framesPerSecond, burst, 0);
  const arrivals: { id: string; at: number }[] = [];
  const answers: { id: string; at: number }[] = [];
  let sent = 0;
  let refused = 0;
  let stalledUntil = 0;
  const late = (queue: { at: number }[], now: number): number =>
    Math.max(queue.at(-1)?.at ?? 0, now + random.below(300), stalledUntil);
  for (let now = 0; now < 60_000; now += 5) {
    if (random.below(400) === 0) stalledUntil = now + random.below(6_000);
    while (answers[0] && answers[0].at <= now) pacer.answered(answers.shift()!.id, now);
    while (pacer.waitMs(now) === 0) {
      sent += 1;
      pacer.sent(`${sent}`);
      arrivals.push({ id: `${sent}`, at: late(arrivals, now) });
    }
    const question = pacer.waitMs(now) === Infinity ? pacer.question() : undefined;
    if (question) arrivals.push({ id: `ping ${(JSON.parse(question) as { id: string }).id}`, at: late(arrivals, now) });
    while (arrivals[0] && arrivals[0].at <= now) {
      const { id } = arrivals.shift()!;
      const isPing = id.startsWith('ping ');
      if (!isPing && !server.take(now).allowed) refused += 1;
      // Handlers are slow now and then; a ping is answered at once. Answers of the two overtake each other.
      if (isPing) answers.push({ id: id.slice(5), at: late(answers, now) });
      else if (random.below(3) > 0) answers.push({ id, at: late(answers, now) });
    }
  }
  expect(sent).toBeGreaterThan(10 * burst); // It never stood still for good.
  return refused;
}

describe('Pacer', () => {
  it('CL7 lets a burst below the server’s go at once, then a rate below it', () => {
    const pacer = new Pacer(limits, 0);
    expect(drain(pacer, 0)).toBe(90);
    expect(drain(pacer, 1_000)).toBe(45);
  });

  it('CL7 has no more under way than a burst, until answers come', () => {
    const pacer = new Pacer(limits, 0);
    expect(drain(pacer, 0, false)).toBe(90);
    expect(pacer.waitMs(3_600_000)).toBe(Infinity);
    pacer.answered('0-89', 3_600_000);
    expect(drain(pacer, 3_600_000, false)).toBe(0); // The server took them off just now, for all that is known.
    expect(drain(pacer, 3_601_000, false)).toBe(45);
  });

  it('takes an answer for a proof that the server has read everything that left before', () => {
    const pacer = new Pacer(limits, 0);
    expect(drain(pacer, 0, false)).toBe(90);
    pacer.answered('0-44', 0);
    expect(pacer.waitMs(0)).toBe(23);
    pacer.answered('0-10', 0);
    expect(drain(pacer, 1_000, false)).toBe(45);
  });

  it('asks where only an answer helps, once at a time, and goes on at the answer though no handler answered', () => {
    const pacer = new Pacer(limits, 0);
    drain(pacer, 0, false);
    const { type, id } = JSON.parse(pacer.question() ?? '') as { type: string; id: string };
    expect([type, pacer.question()]).toEqual(['ping', undefined]);
    pacer.answered(id, 0);
    expect(drain(pacer, 1_000, false)).toBe(45);
    expect(pacer.question()).toBeDefined();
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('CL7 is never refused, however late and bunched frames arrive: seed %i', (seed) => {
    expect([refusals(seed, limits), refusals(seed, { framesPerSecond: 7, burst: 3 })]).toEqual([0, 0]);
  });

  it('says how long to wait for the next frame, and keeps the word', () => {
    const pacer = new Pacer(limits, 0);
    drain(pacer, 0);
    const waitMs = pacer.waitMs(0);
    expect(waitMs).toBe(23);
    expect(pacer.waitMs(waitMs - 1)).toBeGreaterThan(0);
    expect(pacer.waitMs(waitMs)).toBe(0);
  });

  it('saves up no more than the burst', () => {
    const pacer = new Pacer(limits, 0);
    expect(drain(pacer, 3_600_000)).toBe(90);
  });

  it('lets one go at a time where the burst is one', () => {
    const pacer = new Pacer({ framesPerSecond: 10, burst: 1, rooms: 0 }, 0);
    expect(drain(pacer, 0, false)).toBe(1);
    expect(pacer.waitMs(60_000)).toBe(Infinity);
    pacer.answered('0-0', 60_000);
    expect(pacer.waitMs(60_000)).toBe(112);
  });

  it('counts what nobody answers when it leaves', () => {
    const pacer = new Pacer(limits, 0);
    for (let n = 0; n < 90; n += 1) pacer.spend();
    expect(pacer.waitMs(0)).toBe(23);
  });

  it('FR1 a rate of 0 means unlimited, the burst too', () => {
    const pacer = new Pacer({ framesPerSecond: 0, burst: 10, rooms: 0 }, 0);
    expect(drain(pacer, 0, false)).toBe(10_000);
  });

  it('is not stopped by a clock that goes backwards', () => {
    const pacer = new Pacer(limits, 10_000);
    drain(pacer, 10_000);
    pacer.waitMs(0);
    expect(drain(pacer, 1_000)).toBe(45);
  });
});
