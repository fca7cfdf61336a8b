import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { receive } from '../received.js';
import { until } from '../test-api.js';
import type { TestApi } from '../test-api.js';
import type { BrokerRun } from './broker-run.js';
import {
  ALL,
  STORED,
  bytes,
  expectNothingMore,
  historyTexts,
  newAddress,
  numbered,
  offsetsOf,
  upTo,
} from './helpers.js';

/** What publishing promises. */
export function describePublishing({ describe, it }: TestApi, run: BrokerRun): void {
  describe('publishing', () => {
    it('numbers from 1, without a hole, in one epoch', async () => {
      const { a, b, room } = run;
      const first = await a.publish(room, bytes('one'), STORED);
      const second = await b.publish(room, bytes('two'), STORED);
      assert.match(first.epoch, /^[A-Za-z0-9_-]{1,32}$/);
      assert.deepEqual(first, { offset: 1, epoch: first.epoch, duplicate: false });
      assert.deepEqual(second, { offset: 2, epoch: first.epoch, duplicate: false });
    });

    it('numbers each room by itself', async () => {
      const { a, room } = run;
      const other = newAddress();
      await a.publish(room, bytes('x'), STORED);
      assert.equal((await a.publish(other, bytes('x'), STORED)).offset, 1);
    });

    it('keeps the order of publishes that were not awaited', async () => {
      const { a, b, room } = run;
      const texts = numbered(300, 'm');
      const results = await Promise.all(texts.map((text) => a.publish(room, bytes(text), STORED)));
      assert.deepEqual(offsetsOf(results), upTo(300));
      assert.deepEqual(await historyTexts(b, room), texts);
    });

    it('gives every offset once to publishers on two pods, and delivers the same bytes in the same order to both', async () => {
      const { a, b, room } = run;
      const [onA, onB] = [await receive(a, room), await receive(b, room)];
      const results = await Promise.all(
        numbered(200, 'm').flatMap((text) => [
          a.publish(room, bytes(`a ${text}`), STORED),
          b.publish(room, bytes(`b ${text}`), STORED),
        ]),
      );
      assert.deepEqual(
        offsetsOf(results).sort((x, y) => x - y),
        upTo(400),
      );
      await Promise.all([onA.count(400), onB.count(400)]);
      assert.deepEqual(onA.offsets, upTo(400));
      assert.deepEqual(onB.messages, onA.messages);
      assert.deepEqual(await historyTexts(a, room), onA.texts);
    });

    it('carries bytes as they are, empty and large ones too', async () => {
      const { a, b, room } = run;
      const received = await receive(b, room);
      const payloads = [
        Buffer.alloc(0),
        Buffer.from([0, 10, 13, 32, 255, 254, 0]),
        bytes('\n \n'),
        randomBytes(200_000),
      ];
      await Promise.all(payloads.map((payload) => a.publish(room, payload, STORED)));
      const messages = await received.count(payloads.length);
      assert.deepEqual(
        messages.map((message) => message.payload),
        payloads,
      );
      const { frames } = await b.history(room, { since: 0, ...ALL });
      assert.deepEqual(
        frames.map((frame) => Buffer.from(frame.payload)),
        payloads,
      );
    });

    it('delivers to the pod that published as to any other, and never within the call', async () => {
      const { a, room } = run;
      const received = await receive(a, room);
      const publishing = a.publish(room, bytes('hello'), STORED);
      assert.equal(received.messages.length, 0);
      const { epoch } = await publishing;
      const [message] = await received.count(1);
      assert.deepEqual(message, { payload: bytes('hello'), epoch, offset: 1, except: undefined });
    });
  });

  describe('messages that are not stored', () => {
    it('are delivered without an offset, say whom they leave out, and are in no history', async () => {
      const { a, b, room } = run;
      const received = await receive(b, room);
      const result = await a.publish(room, bytes('typing'), { store: false, except: 'connection-1' });
      assert.deepEqual(result, { offset: undefined, epoch: result.epoch, duplicate: false });
      const [message] = await received.count(1);
      const { epoch } = result;
      assert.deepEqual(message, { payload: bytes('typing'), epoch, offset: 0, except: 'connection-1' });
      const page = await b.history(room, ALL);
      assert.deepEqual(page.frames, []);
      assert.equal(page.position.top, 0);
    });

    it('come in the order of the publishes, between the stored ones', async () => {
      const { a, b, room } = run;
      const received = await receive(b, room);
      await Promise.all(numbered(50, 'm').map((text, i) => a.publish(room, bytes(text), { store: i % 2 === 0 })));
      await received.count(50);
      assert.deepEqual(received.texts, numbered(50, 'm'));
    });

    it('are published once per dedupe key too', async () => {
      const { a, b, room } = run;
      const received = await receive(b, room);
      await a.publish(room, bytes('once'), { store: false, dedupeKey: 'k' });
      const again = await b.publish(room, bytes('once'), { store: false, dedupeKey: 'k' });
      assert.equal(again.duplicate, true);
      assert.equal(again.offset, undefined);
      await expectNothingMore(received, a, room, 1);
    });

    it('ignore "except" where they are stored', async () => {
      const { a, b, room } = run;
      const received = await receive(b, room);
      await a.publish(room, bytes('x'), { store: true, except: 'connection-1' });
      assert.equal((await received.count(1))[0]?.except, undefined);
    });
  });

  describe('dedupe keys', () => {
    it('give the first offset again and publish nothing, on whichever pod', async () => {
      const { a, b, room } = run;
      const received = await receive(b, room);
      const first = await a.publish(room, bytes('first'), { store: true, dedupeKey: '2:u1:1:m1' });
      await a.publish(room, bytes('between'), STORED);
      for (const pod of [a, b]) {
        const again = await pod.publish(room, bytes('again'), { store: true, dedupeKey: '2:u1:1:m1' });
        assert.deepEqual(again, { offset: first.offset, epoch: first.epoch, duplicate: true });
      }
      await received.count(2);
      await expectNothingMore(received, a, room, 2);
      assert.deepEqual(await historyTexts(a, room), ['first', 'between', 'end']);
    });

    it('let one of many that come at once through', async () => {
      const { a, b, room } = run;
      const received = await receive(a, room);
      const results = await Promise.all(
        upTo(50).map((i) => (i % 2 ? a : b).publish(room, bytes('x'), { store: true, dedupeKey: 'same' })),
      );
      assert.equal(results.filter((result) => !result.duplicate).length, 1);
      assert.deepEqual(new Set(offsetsOf(results)), new Set([1]));
      await expectNothingMore(received, a, room, 1);
    });

    it('hold in one room only', async () => {
      const { a, room } = run;
      const other = newAddress();
      await a.publish(room, bytes('x'), { store: true, dedupeKey: 'k' });
      assert.equal((await a.publish(other, bytes('x'), { store: true, dedupeKey: 'k' })).duplicate, false);
    });

    it('are told apart whatever characters and length they have', async () => {
      const { a, b, room } = run;
      const keys = [
        '',
        ' ',
        'a',
        'A',
        'a\n',
        'ä',
        '\u0000',
        '{x}',
        '\ud800',
        '\ud801',
        'x'.repeat(600),
        `${'x'.repeat(600)}y`,
      ];
      const results = await Promise.all(
        keys.map((dedupeKey) => a.publish(room, bytes('x'), { store: true, dedupeKey })),
      );
      assert.deepEqual(offsetsOf(results), upTo(keys.length));
      const again = await Promise.all(keys.map((dedupeKey) => b.publish(room, bytes('x'), { store: true, dedupeKey })));
      assert.deepEqual(offsetsOf(again), upTo(keys.length));
    });

    it('are forgotten after their time', async () => {
      await run.restart({ dedupeTtlMs: 300 });
      const { a, room, pods } = run;
      const options = { store: true, dedupeKey: 'k' };
      await a.publish(room, bytes('x'), options);
      assert.equal((await a.publish(room, bytes('x'), options)).duplicate, true);
      await pods.elapse(300);
      const result = await until(
        () => a.publish(room, bytes('x'), options),
        ({ duplicate }) => !duplicate,
        () => pods.elapse(20),
      );
      assert.equal(result.offset, 2);
    });
  });
}
