import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MemoryBroker } from '../../src/realtime/broker/memory-broker.js';
import { MemoryStore } from '../../src/realtime/broker/memory-store.js';
import { describeBrokerContract } from '../../src/testing/contracts/broker.contract.js';
import { ManualClock } from '../../src/testing/manual-clock.js';

describeBrokerContract({ describe, it, beforeEach, afterEach }, 'MemoryBroker', {
  createPods: async (settings) => {
    const clock = new ManualClock();
    const store = new MemoryStore({ ...settings, clock });
    const pods = [1, 2, 3].map(() => new MemoryBroker({ ...settings, store }));
    await Promise.all(pods.map((pod) => pod.open()));
    return {
      pods,
      elapse: async (ms) => clock.advance(ms),
      changeHands: async (addresses) => addresses.forEach((address) => store.beginEpoch(address)),
      close: async () => {
        await Promise.all(pods.map((pod) => pod.close()));
      },
    };
  },
});

describe('MemoryStore', () => {
  const settings = { historySize: 100, historyTtlMs: 60_000, dedupeTtlMs: 300_000 };
  const all = { limit: 1_000, maxBytes: 1_000_000 };

  it('forgets frames, dedupe keys and at last rooms, without a timer', () => {
    const clock = new ManualClock();
    const store = new MemoryStore({ ...settings, clock });
    for (let i = 0; i < 1_000; i += 1) {
      store.publish(`chat/${i}`, Buffer.from('x'), { store: true, dedupeKey: 'k' });
    }
    expect(store.size).toEqual({ rooms: 1_000, retaining: 1_000, dedupeKeys: 1_000 });
    clock.advance(300_000);
    store.position('chat/0');
    expect(store.size).toEqual({ rooms: 1_000, retaining: 0, dedupeKeys: 0 });
    clock.advance(29 * 86_400_000);
    store.position('chat/0');
    clock.advance(86_400_000);
    store.position('chat/1000');
    expect(store.size).toEqual({ rooms: 2, retaining: 0, dedupeKeys: 0 });
    expect(clock.pending).toBe(0);
  });

  it('begins a new epoch in a room that it had forgotten', () => {
    const clock = new ManualClock();
    const store = new MemoryStore({ ...settings, clock });
    const { epoch } = store.publish('chat/a', Buffer.from('x'), { store: true });
    clock.advance(31 * 86_400_000);
    const position = store.position('chat/a');
    expect(position).toMatchObject({ top: 0, oldest: 1, ancestors: [] });
    expect(position.epoch).not.toBe(epoch);
  });

  it('takes the frames away that an epoch did not survive with', () => {
    const store = new MemoryStore(settings);
    for (const text of ['one', 'two', 'three']) store.publish('chat/a', Buffer.from(text), { store: true });
    const { epoch } = store.position('chat/a');
    store.beginEpoch('chat/a', 1);
    store.publish('chat/a', Buffer.from('other'), { store: true });
    const { position, frames } = store.history('chat/a', { since: 0, ...all });
    expect(position).toMatchObject({ top: 2, oldest: 1, ancestors: [{ epoch, top: 1 }] });
    expect(frames.map((frame) => `${frame.offset} ${frame.payload.toString()}`)).toEqual(['1 one', '2 other']);
  });

  it('delivers to the others what one listener failed on, and does not swallow the mistake', async () => {
    const store = new MemoryStore(settings);
    const mistake = new Error('a mistake in a listener');
    const nextTick = jest.spyOn(process, 'nextTick').mockImplementation(() => undefined);
    const texts: string[] = [];
    store.subscribe({}, 'chat/a', () => {
      throw mistake;
    });
    store.subscribe({}, 'chat/a', ({ payload }) => texts.push(payload.toString()));
    store.publish('chat/a', Buffer.from('x'), { store: false });
    await Promise.resolve();
    const [throws] = nextTick.mock.calls.map(([task]) => task);
    nextTick.mockRestore();
    expect(texts).toEqual(['x']);
    expect(throws).toThrow(mistake);
  });
});
