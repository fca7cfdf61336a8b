import { describe, expect, it } from '@jest/globals';
import { FrameQueue } from './frame-queue.js';

const ONE_KIB = 1_024;
const message = (n: number): Buffer => Buffer.alloc(ONE_KIB, n);

function queueOf(count: number): FrameQueue {
  const queue = new FrameQueue();
  for (let n = 0; n < count; n += 1) queue.push(message(n));
  return queue;
}
const numbersOf = (messages: readonly Buffer[]): number[] => messages.map(([first]) => first!);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe('FrameQueue', () => {
  it.each([0, 1, 15, 16, 17, 32, 33, 100])('gives out %i messages in order, and counts their bytes', (count) => {
    const queue = queueOf(count);
    expect(queue.bytes).toBe(count * ONE_KIB);
    expect(queue.isEmpty).toBe(count === 0);
    expect(numbersOf(queue.takeAll())).toEqual(upTo(count));
    expect(queue).toMatchObject({ bytes: 0, isEmpty: true });
  });

  it.each([1, 16, 17, 64, 99])('gives out %i messages some at a time, in order', (count) => {
    const queue = queueOf(count);
    const taken: number[] = [];
    while (!queue.isEmpty) {
      const some = queue.takeSome(4 * ONE_KIB);
      expect(some.length).toBeLessThanOrEqual(4);
      taken.push(...numbersOf(some));
      expect(queue.bytes).toBe((count - taken.length) * ONE_KIB);
    }
    expect(taken).toEqual(upTo(count));
  });

  it('goes on in order with what comes after some were taken', () => {
    const queue = queueOf(40);
    const taken = numbersOf(queue.takeSome(ONE_KIB));
    for (let n = 40; n < 60; n += 1) queue.push(message(n));
    expect([...taken, ...numbersOf(queue.takeAll())]).toEqual(upTo(60));
  });

  it('is empty after clear', () => {
    const queue = queueOf(40);
    queue.clear();
    expect(queue).toMatchObject({ bytes: 0, isEmpty: true });
    expect(queue.takeAll()).toEqual([]);
  });
});
