import assert from 'node:assert/strict';
import { until } from '../test-api.js';
import type { TestApi } from '../test-api.js';
import type { BrokerRun } from './broker-run.js';
import { ALL, STORED, bytes, historyOffsets, numbered, upTo } from './helpers.js';

/** What history promises. */
export function describeHistory({ describe, it }: TestApi, run: BrokerRun): void {
  describe('history', () => {
    async function fill(count: number, size = 10): Promise<void> {
      await Promise.all(numbered(count, 'm').map((text) => run.a.publish(run.room, bytes(text.padEnd(size)), STORED)));
    }

    it('gives the newest frames where no range is asked for', async () => {
      const { b, room } = run;
      await fill(30);
      const { frames, position } = await b.history(room, { limit: 10, maxBytes: 10_000 });
      assert.deepEqual(
        frames.map((frame) => frame.offset),
        upTo(30).slice(20),
      );
      assert.deepEqual([position.top, position.oldest, position.ancestors], [30, 1, []]);
    });

    it('gives the frames above "since", from the lowest on', async () => {
      const { b, room } = run;
      await fill(30);
      assert.deepEqual(await historyOffsets(b, room, { since: 12, limit: 5 }), [13, 14, 15, 16, 17]);
      assert.deepEqual(await historyOffsets(b, room, { since: 28, limit: 5 }), [29, 30]);
      assert.deepEqual(await historyOffsets(b, room, { since: 30, limit: 5 }), []);
      assert.deepEqual(await historyOffsets(b, room, { since: 1_000_000, limit: 5 }), []);
    });

    it('gives the frames at "before" and below, the highest of them, ascending', async () => {
      const { b, room } = run;
      await fill(30);
      assert.deepEqual(await historyOffsets(b, room, { before: 12, limit: 5 }), [8, 9, 10, 11, 12]);
      assert.deepEqual(await historyOffsets(b, room, { before: 3, limit: 5 }), [1, 2, 3]);
      assert.deepEqual(await historyOffsets(b, room, { before: 0, limit: 5 }), []);
      assert.deepEqual(await historyOffsets(b, room, { before: 1_000_000, limit: 2 }), [29, 30]);
    });

    it('reads far more than one portion without a hole', async () => {
      const { b, room } = run;
      await fill(700);
      assert.deepEqual(await historyOffsets(b, room, { since: 0, limit: 650 }), upTo(650));
      assert.deepEqual(await historyOffsets(b, room, { limit: 650 }), upTo(700).slice(50));
      assert.deepEqual(await historyOffsets(b, room, { limit: 0 }), []);
    });

    it('stops before it exceeds "maxBytes", and gives one frame even where that alone is larger', async () => {
      const { b, room } = run;
      await fill(60, 1_000);
      assert.deepEqual(await historyOffsets(b, room, { since: 0, limit: 100, maxBytes: 3_999 }), [1, 2, 3]);
      assert.deepEqual(await historyOffsets(b, room, { since: 0, limit: 100, maxBytes: 4_000 }), [1, 2, 3, 4]);
      assert.deepEqual(await historyOffsets(b, room, { limit: 100, maxBytes: 3_000 }), [58, 59, 60]);
      assert.deepEqual(await historyOffsets(b, room, { since: 7, limit: 100, maxBytes: 10 }), [8]);
      assert.deepEqual(await historyOffsets(b, room, { before: 7, limit: 100, maxBytes: 10 }), [7]);
    });

    it('keeps the newest "historySize" frames and says which is the oldest', async () => {
      await run.restart({ historySize: 5 });
      const { b, room } = run;
      await fill(12);
      const { frames, position } = await b.history(room, { since: 0, ...ALL });
      assert.deepEqual(
        frames.map((frame) => frame.offset),
        [8, 9, 10, 11, 12],
      );
      assert.deepEqual([position.top, position.oldest], [12, 8]);
      assert.deepEqual(await historyOffsets(b, room, { before: 7, limit: 5 }), []);
    });

    it('has no limit in number where "historySize" is 0', async () => {
      await run.restart({ historySize: 0 });
      const { b, room } = run;
      await fill(1_500, 3);
      assert.equal((await b.history(room, { since: 0, ...ALL })).frames.length, 1_500);
    });

    it('is gone "historyTtlMs" after the last frame, while the numbering goes on', async () => {
      await run.restart({ historyTtlMs: 300 });
      const { a, b, room, pods } = run;
      const { epoch } = await a.publish(room, bytes('x'), STORED);
      await pods.elapse(300);
      const page = await until(
        () => b.history(room, ALL),
        ({ frames }) => frames.length === 0,
        () => pods.elapse(20),
      );
      assert.deepEqual(page.position, { epoch, top: 1, oldest: 2, ancestors: [] });
      assert.deepEqual(await a.publish(room, bytes('x'), STORED), { offset: 2, epoch, duplicate: false });
    });

    it('is kept for ever where "historyTtlMs" is 0', async () => {
      await run.restart({ historyTtlMs: 0 });
      const { b, room, pods } = run;
      await fill(3);
      await pods.elapse(50);
      assert.equal((await b.history(room, ALL)).frames.length, 3);
    });

    it('can be cleared; the numbering goes on', async () => {
      const { a, b, room } = run;
      await fill(3);
      await b.clearHistory(room);
      const { frames, position } = await a.history(room, ALL);
      assert.deepEqual(frames, []);
      assert.deepEqual([position.top, position.oldest], [3, 4]);
      assert.equal((await a.publish(room, bytes('x'), STORED)).offset, 4);
      assert.deepEqual(await historyOffsets(b, room, { since: 0, limit: 9 }), [4]);
    });

    it('of a room that never was can be cleared', async () => {
      const { a, room } = run;
      await a.clearHistory(room);
      assert.deepEqual((await a.history(room, ALL)).frames, []);
    });
  });
}
