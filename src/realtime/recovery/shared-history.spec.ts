import { describe, expect, it } from '@jest/globals';
import { array, assert, asyncProperty, integer, record } from 'fast-check';
import type { HistoryPage, HistoryRange } from '../broker/broker.js';
import { MemoryBroker } from '../broker/memory-broker.js';
import { MemoryStore } from '../broker/memory-store.js';
import { BrokerUnavailableError } from '../realtime.errors.js';
import { SharedHistory } from './shared-history.js';
import type { RangeAfter } from './shared-history.js';

const ROOM = 'chat/general';
const CHUNK = { limit: 1_000, maxBytes: 16 * 1024 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A broker of its own, whose reads are noted. */
async function withReads(historySize = 0) {
  const store = new MemoryStore({ historySize, historyTtlMs: 0, dedupeTtlMs: 1_000 });
  const broker = new MemoryBroker({ store });
  await broker.open();
  const reads: (HistoryRange & { readonly address: string })[] = [];
  const shared = new SharedHistory({
    history: (address, range) => {
      reads.push({ address, ...range });
      return broker.history(address, range);
    },
  });
  const publish = async (sizes: readonly number[], address = ROOM): Promise<void> => {
    for (const size of sizes) await broker.publish(address, Buffer.alloc(size), { store: true });
  };
  return { store, broker, reads, shared, publish };
}

const offsets = ({ frames }: HistoryPage): number[] => frames.map(({ offset }) => offset);

describe('SharedHistory', () => {
  it('gives each what a read of its own would have given it, by no more reads than there are askers', async () => {
    const range = record({
      since: integer({ min: 0, max: 70 }),
      limit: integer({ min: 1, max: 30 }),
      maxBytes: integer({ min: 1, max: 400 }),
    });
    const sizes = array(integer({ min: 0, max: 60 }), { maxLength: 60 });
    const history = record({
      sizes,
      historySize: integer({ min: 0, max: 50 }),
      survivingTop: integer({ min: 0, max: 90 }),
      afterwards: array(integer({ min: 0, max: 60 }), { maxLength: 10 }),
      cleared: integer({ min: 0, max: 7 }),
    });
    await assert(
      asyncProperty(history, array(range, { minLength: 1, maxLength: 40 }), async (past, ranges) => {
        const { store, broker, reads, shared, publish } = await withReads(past.historySize);
        await publish(past.sizes);
        if (past.survivingTop < 60) store.beginEpoch(ROOM, past.survivingTop);
        if (past.cleared === 0) store.clearHistory(ROOM);
        await publish(past.afterwards);
        const pages = await Promise.all(ranges.map((each) => shared.history(ROOM, each)));
        expect(reads.length).toBeLessThanOrEqual(ranges.length);
        const own = await Promise.all(ranges.map((each) => broker.history(ROOM, each)));
        expect(pages).toEqual(own);
      }),
      { numRuns: process.env['ROOKERY_DEEP'] ? 20_000 : 1_000 },
    );
  });

  it('answers 1,000 who ask in one turn from one read', async () => {
    const { broker, reads, shared, publish } = await withReads();
    await publish(Array.from({ length: 60 }, () => 150));
    const ranges: RangeAfter[] = Array.from({ length: 1_000 }, (_, i) => ({ since: 30 + (i % 25), ...CHUNK }));
    const pages = await Promise.all(ranges.map((range) => shared.history(ROOM, range)));
    expect(reads).toHaveLength(1);
    expect(pages.map(offsets)).toEqual(
      (await Promise.all(ranges.map((range) => broker.history(ROOM, range)))).map(offsets),
    );
  });

  it.each([
    ['bytes', CHUNK, Math.floor(CHUNK.maxBytes / 150)],
    ['frames', { ...CHUNK, limit: 50 }, 50],
  ])('answers from one read, too, those who are owed more than a page has %s', async (_of, chunk, length) => {
    const { reads, shared, publish } = await withReads();
    await publish(Array.from({ length: 500 }, () => 150));
    const asked = Array.from({ length: 1_000 }, (_, i) => shared.history(ROOM, { since: i % 40, ...chunk }));
    const pages = await Promise.all(asked);
    expect(reads).toHaveLength(1);
    expect(pages.every(({ frames }) => frames.length === length)).toBe(true);
  });

  it('makes those who lie near to each other wait for nobody who lies far away', async () => {
    const { reads, shared, publish } = await withReads();
    await publish(Array.from({ length: 3_000 }, () => 10));
    const pages = [0, 2_990, 2_991].map((since) => shared.history(ROOM, { since, ...CHUNK }));
    await turn();
    expect(reads.map(({ since }) => since)).toEqual([0, 2_990]);
    expect((await Promise.all(pages)).map((page) => page.frames.length)).toEqual([1_000, 10, 9]);
  });

  it('reads again for those whose part was not all in the first page, once for all who lie near', async () => {
    const { reads, shared, publish } = await withReads();
    await publish(Array.from({ length: 900 }, () => 1_000));
    const sinces = [0, 800, 801, 802];
    const pages = await Promise.all(sinces.map((since) => shared.history(ROOM, { since, ...CHUNK })));
    expect(reads.map(({ since }) => since)).toEqual([0, 800]);
    expect(pages.map((page) => page.frames[0]?.offset)).toEqual([1, 801, 802, 803]);
  });

  it('RC1 begins a read after it was asked for: what was published before is in it', async () => {
    const { reads, shared, publish } = await withReads();
    await publish([10]);
    const first = shared.history(ROOM, { since: 0, ...CHUNK });
    await turn();
    expect(reads).toHaveLength(1);
    await publish([10]);
    const second = shared.history(ROOM, { since: 0, ...CHUNK });
    expect([offsets(await first), offsets(await second)]).toEqual([[1], [1, 2]]);
    expect(reads).toHaveLength(2);
  });

  it('joins no read that is under way', async () => {
    const began: ((page: HistoryPage) => void)[] = [];
    const shared = new SharedHistory({ history: () => new Promise((resolve) => began.push(resolve)) });
    const position = { epoch: 'e', top: 0, oldest: 1, ancestors: [] };
    const first = shared.history(ROOM, { since: 0, ...CHUNK });
    await turn();
    const second = shared.history(ROOM, { since: 0, ...CHUNK });
    await turn();
    expect(began).toHaveLength(2);
    began[1]!({ position: { ...position, top: 2 }, frames: [] });
    began[0]!({ position: { ...position, top: 1 }, frames: [] });
    expect([(await first).position.top, (await second).position.top]).toEqual([1, 2]);
  });

  it('reads each room by itself', async () => {
    const { reads, shared, publish } = await withReads();
    await publish([1, 1]);
    await publish([1], 'chat/other');
    const pages = await Promise.all([ROOM, 'chat/other', ROOM].map((at) => shared.history(at, { since: 0, ...CHUNK })));
    expect(reads.map(({ address }) => address)).toEqual([ROOM, 'chat/other']);
    expect(pages.map(offsets)).toEqual([[1, 2], [1], [1, 2]]);
  });

  it('tells an error of the broker to everybody who waits for that read, and to nobody else', async () => {
    const { broker, publish } = await withReads();
    await publish(Array.from({ length: 3_000 }, () => 10));
    const unavailable = new BrokerUnavailableError('away');
    const shared = new SharedHistory({
      history: (at, range) => (range.since === 0 ? Promise.reject(unavailable) : broker.history(at, range)),
    });
    const reads = [0, 1, 2_999].map((since) => shared.history(ROOM, { since, ...CHUNK }));
    const settled = await Promise.allSettled(reads);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    await expect(reads[1]).rejects.toBe(unavailable);
  });
});
