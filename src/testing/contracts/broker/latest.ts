import assert from 'node:assert/strict';
import type { Broker } from '../../../index.js';
import { receive } from '../received.js';
import { until } from '../test-api.js';
import type { TestApi } from '../test-api.js';
import type { BrokerRun } from './broker-run.js';
import { ALL, STORED, bytes, expectNothingMore, historyTexts, newAddress, numbered, upTo } from './helpers.js';

const MAX_KEYS = 1_000;
/** A key may have any characters but control characters. */
const KEYS = ['EUR USD', ' ', '{x}', 'é', '😀', '"', 'x'.repeat(128), '0', '__proto__'];

/** What rooms that keep the newest message per key promise (OR4). */
export function describeLatest({ describe, it }: TestApi, run: BrokerRun): void {
  describe('messages with a key', () => {
    function put(broker: Broker, key: string, text: string, dedupeKey?: string) {
      return broker.publish(run.room, bytes(text), { store: true, key, dedupeKey });
    }

    async function kept(broker: Broker, since = 0, range = ALL): Promise<string[]> {
      const { frames } = await broker.latest(run.room, { since, ...range });
      return frames.map(({ key, offset, payload }) => `${key} ${offset} ${payload.toString()}`);
    }

    it('are kept in place of the one before, in the order in which they were published last', async () => {
      const { a, b } = run;
      const first = await put(a, 'x', 'x1');
      assert.deepEqual(first, { offset: undefined, epoch: first.epoch, duplicate: false });
      await put(b, 'y', 'y1');
      await put(a, 'x', 'x2');
      assert.deepEqual(await kept(b), ['y 2 y1', 'x 3 x2']);
      assert.deepEqual(await kept(a, 2), ['x 3 x2']);
      assert.deepEqual(await kept(a, 3), []);
    });

    it('reach every pod in the order of their versions, with their keys and their bytes', async () => {
      const { a, b, room } = run;
      const [onA, onB] = [await receive(a, room), await receive(b, room)];
      await Promise.all(upTo(200).flatMap((n) => [put(a, KEYS[n % 9]!, `a${n}`), put(b, KEYS[n % 9]!, `b${n}`)]));
      await Promise.all([onA.count(400), onB.count(400)]);
      assert.deepEqual(onA.offsets, upTo(400));
      assert.deepEqual(onB.messages, onA.messages);
      const newest = new Map(onA.messages.map(({ key, payload }) => [key, payload.toString()]));
      const { frames } = await a.latest(room, { since: 0, ...ALL });
      assert.deepEqual(new Map(frames.map(({ key, payload }) => [key, payload.toString()])), newest);
      assert.deepEqual(new Set(newest.keys()), new Set(KEYS));
    });

    it('keep the order of publishes that were not awaited', async () => {
      const { a, b } = run;
      await Promise.all(upTo(300).map((n) => put(a, 'x', `x${n}`)));
      assert.deepEqual(await kept(b), ['x 300 x300']);
    });

    it('leave at most 1,000 keys: the one that was published the longest ago goes', async () => {
      const { a, b, room } = run;
      await Promise.all(upTo(MAX_KEYS).map((n) => put(a, `k${n}`, 'x')));
      await put(a, 'k1', 'again');
      await put(b, 'new', 'x');
      const { frames, position } = await b.latest(room, { since: 0, ...ALL });
      assert.equal(frames.length, MAX_KEYS);
      assert.equal(position.oldest, 3);
      const keys = frames.map(({ key }) => key);
      assert.deepEqual([keys[0], ...keys.slice(-2)], ['k3', 'k1', 'new']);
    });

    it('are read in parts that hold as much as was asked for, one message at least', async () => {
      const { a, b } = run;
      for (const key of ['x', 'y', 'z']) await put(a, key, key.repeat(100));
      const lengths = async (limit: number, maxBytes: number): Promise<number> =>
        (await kept(b, 0, { limit, maxBytes })).length;
      assert.deepEqual(
        await Promise.all([lengths(2, 10_000), lengths(9, 200), lengths(9, 199), lengths(9, 10)]),
        [2, 2, 1, 1],
      );
    });

    it('are published once per dedupe key', async () => {
      const { a, b, room } = run;
      const received = await receive(b, room);
      const { epoch } = await put(a, 'x', 'once', 'k');
      assert.deepEqual(await put(b, 'x', 'twice', 'k'), { offset: undefined, epoch, duplicate: true });
      await expectNothingMore(received, a, room, 1);
      assert.deepEqual(await kept(b), ['x 1 once']);
    });

    it('have nothing to do with what is published without a key', async () => {
      const { a, b, room } = run;
      await put(a, 'x', 'x1');
      const stored = await b.publish(room, bytes('stored'), STORED);
      assert.equal(stored.offset, 1);
      assert.deepEqual(await historyTexts(a, room), ['stored']);
      assert.deepEqual(await kept(a), ['x 1 x1']);
    });

    it('have positions: of rooms that never were too, in the order of the addresses', async () => {
      const { a, b, room } = run;
      await put(a, 'x', 'x1');
      await put(a, 'x', 'x2');
      const rooms = [newAddress(), room, ...numbered(120, 'm').map(newAddress)];
      const positions = await b.latestPositions(rooms);
      assert.deepEqual(
        positions.slice(0, 3).map(({ top, oldest, ancestors }) => [top, oldest, ancestors]),
        [
          [0, 1, []],
          [2, 2, []],
          [0, 1, []],
        ],
      );
      assert.equal(positions.length, rooms.length);
      assert.deepEqual((await a.latest(room, { since: 0, ...ALL })).position, positions[1]);
      assert.equal(new Set(positions.map(({ epoch }) => epoch)).size, rooms.length);
    });

    it('are kept through a change of hands, in a new epoch', async () => {
      const { a, b, room, pods } = run;
      const { epoch: old } = await put(a, 'x', 'x1');
      await pods.changeHands([room]);
      const { position } = await b.latest(room, { since: 0, ...ALL });
      assert.notEqual(position.epoch, old);
      assert.deepEqual(await kept(b), ['x 1 x1']);
      assert.equal((await put(a, 'y', 'y1')).epoch, position.epoch);
      assert.deepEqual(await kept(b), ['x 1 x1', 'y 2 y1']);
    });

    it('are forgotten after the time of a history, and numbered on', async () => {
      await run.restart({ historyTtlMs: 300 });
      const { a, b, room, pods } = run;
      await put(a, 'x', 'x1');
      await pods.elapse(300);
      await until(
        () => kept(b),
        (frames) => frames.length === 0,
        () => pods.elapse(20),
      );
      assert.deepEqual(
        (await b.latestPositions([room])).map(({ top, oldest }) => [top, oldest]),
        [[1, 2]],
      );
      await put(b, 'y', 'y1');
      assert.deepEqual(await kept(a), ['y 2 y1']);
    });
  });
}
