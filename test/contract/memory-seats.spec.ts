import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { MemorySeats } from '../../src/realtime/seats/memory-seats.js';
import { describeSeatsContract } from '../../src/testing/contracts/seats.contract.js';

describeSeatsContract({ describe, it, beforeEach, afterEach }, 'MemorySeats', {
  createPods: async () => {
    const store = new Map<string, Set<string>>();
    return { pods: [1, 2].map(() => new MemorySeats(store)), close: async () => store.clear() };
  },
});

describe('MemorySeats', () => {
  it('forget a user who has none left', async () => {
    const store = new Map<string, Set<string>>();
    const seats = new MemorySeats(store);
    await seats.take('u', 'c', { most: 1, whenFull: 'reject' });
    await seats.release('u', 'c');
    expect(store.size).toBe(0);
  });
});
