import { describe, expect, it } from '@jest/globals';
import { array, assert, constant, integer, oneof, property } from 'fast-check';
import { FrameLog } from './frame-log.js';

const ALL = { since: 0, limit: 10_000, maxBytes: 1e9 };

/** What a room retains, as plainly as it can be said. */
class PlainLog {
  frames: { offset: number; payload: Buffer }[] = [];

  constructor(private readonly limit: number) {}

  append(offset: number, payload: Buffer): void {
    this.frames.push({ offset, payload });
    if (this.limit > 0 && this.frames.length > this.limit) this.frames.shift();
  }

  truncate(top: number): void {
    this.frames = this.frames.filter(({ offset }) => offset <= top);
  }
}

describe('FrameLog', () => {
  it('retains the newest frames, whatever their sizes, through truncations and fresh starts', () => {
    const size = oneof(integer({ min: 0, max: 300 }), integer({ min: 3_900, max: 9_000 }));
    const step = oneof(
      { weight: 20, arbitrary: size.map((bytes) => ({ bytes })) },
      { weight: 1, arbitrary: integer({ min: 0, max: 30 }).map((excess) => ({ excess })) },
      { weight: 1, arbitrary: constant('clear' as const) },
    );
    assert(
      property(
        array(step, { maxLength: 120 }),
        integer({ min: 0, max: 40 }),
        integer({ min: -2, max: 140 }),
        integer({ min: 1, max: 50 }),
        integer({ min: 1, max: 6_000 }),
        (steps, limit, at, most, maxBytes) => {
          const log = new FrameLog(limit);
          const plain = new PlainLog(limit);
          let top = 0;
          for (const one of steps) {
            if (one === 'clear') {
              log.clear();
              plain.frames = [];
            } else if ('excess' in one) {
              top = Math.max(0, top - one.excess);
              log.truncate(top);
              plain.truncate(top);
            } else {
              top += 1;
              const payload = Buffer.alloc(one.bytes, top);
              log.append(top, payload);
              plain.append(top, payload);
            }
            expect(log.length).toBe(plain.frames.length);
          }
          expect(log.read(ALL)).toEqual(plain.frames);
          const up = log.read({ since: at, limit: most, maxBytes });
          expect(up).toEqual(
            pageOf(
              plain.frames.filter(({ offset }) => offset > at),
              most,
              maxBytes,
            ),
          );
          const below = plain.frames.filter(({ offset }) => offset <= at).toReversed();
          const down = log.read({ before: at, limit: most, maxBytes });
          expect(down).toEqual(pageOf(below, most, maxBytes).toReversed());
        },
      ),
    );
  });

  it('keeps what was read as it was, also where frames were taken away and others came', () => {
    const log = new FrameLog(0);
    for (let offset = 1; offset <= 40; offset += 1) log.append(offset, Buffer.from(`old ${offset}`));
    const read = log.read(ALL);
    const before = read.map(({ payload }) => payload.toString());
    log.truncate(20);
    for (let offset = 21; offset <= 60; offset += 1) log.append(offset, Buffer.from(`new ${offset}`));
    expect(read.map(({ payload }) => payload.toString())).toEqual(before);
    expect(log.read(ALL).map(({ payload }) => payload.toString())).toEqual([
      ...before.slice(0, 20),
      ...Array.from({ length: 40 }, (_, i) => `new ${i + 21}`),
    ]);
  });

  it('has small payloads in memory of its own, and shares large ones', () => {
    const log = new FrameLog(0);
    const small = Buffer.from('small');
    const large = Buffer.alloc(4_096, 'x');
    log.append(1, small);
    log.append(2, large);
    log.append(3, small);
    const [first, second, third] = log.read(ALL).map(({ payload }) => payload);
    expect(first!.buffer).not.toBe(small.buffer);
    expect(second!.buffer).toBe(large.buffer);
    expect(third!.buffer).not.toBe(small.buffer);
  });

  it.each([
    { limit: 100, size: 205, most: 1.3 },
    { limit: 20, size: 205, most: 1.3 },
    { limit: 5, size: 1_000, most: 1.3 },
    { limit: 1, size: 1_000, most: 1 },
    { limit: 1, size: 3_900, most: 1 },
  ])('takes little more memory than $limit frames of $size bytes have', ({ limit, size, most }) => {
    const log = new FrameLog(limit);
    for (let offset = 1; offset <= 1_000; offset += 1) log.append(offset, Buffer.alloc(size));
    expect(memoryOf(log)).toBeLessThanOrEqual(most * limit * size);
  });

  it('learns nothing about small frames from large ones between them', () => {
    const log = new FrameLog(0);
    for (let offset = 1; offset <= 1_000; offset += 1)
      log.append(offset, Buffer.alloc(offset % 100 === 0 ? 5_000 : 200));
    expect(memoryOf(log)).toBeLessThan(1.2 * (10 * 5_000 + 990 * 200));
  });

  it('finds each of very many frames', () => {
    const log = new FrameLog(20_000);
    for (let offset = 1; offset <= 50_000; offset += 1) log.append(offset, Buffer.from(String(offset)));
    for (const offset of [30_001, 30_002, 40_000, 49_999, 50_000]) {
      const [frame] = log.read({ since: offset - 1, limit: 1, maxBytes: 1e9 });
      expect(frame).toEqual({ offset, payload: Buffer.from(String(offset)) });
    }
    expect(log.read({ since: 30_000.5, limit: 1, maxBytes: 1e9 })).toEqual([]);
  });
});

/** Bytes of the memory that a log's frames stand in. */
function memoryOf(log: FrameLog): number {
  const memory = new Set(log.read(ALL).map(({ payload }) => payload.buffer));
  return [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function pageOf(frames: PlainLog['frames'], most: number, maxBytes: number): PlainLog['frames'] {
  let bytes = 0;
  const stop = frames.findIndex(
    ({ payload }, i) => i > 0 && (bytes += payload.length) + frames[0]!.payload.length > maxBytes,
  );
  return frames.slice(0, Math.min(most, stop < 0 ? frames.length : stop));
}
