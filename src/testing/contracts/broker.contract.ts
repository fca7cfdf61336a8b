import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Broker } from '../../index.js';
import { receive } from './received.js';
import type { BrokerMessage, Received } from './received.js';
import { nextTurn, until } from './test-api.js';
import type { TestApi } from './test-api.js';

export interface BrokerSettings {
  readonly historySize: number;
  readonly historyTtlMs: number;
  readonly dedupeTtlMs: number;
}

/** Brokers of at least two pods that share their rooms, opened. */
export interface BrokerPods {
  readonly pods: readonly Broker[];
  /** Lets time pass for what expires. */
  elapse(ms: number): Promise<void>;
  /** Lets the rooms' data change hands without a loss, as a failover does: a new epoch follows. */
  changeHands(addresses: readonly string[]): Promise<void>;
  /** Closes the pods and what they share. */
  close(): Promise<void>;
}

export interface BrokerContract {
  /** Makes fresh pods. Addresses are new in each test, so what they share may be the same as before. */
  createPods(settings: BrokerSettings): Promise<BrokerPods>;
}

const SETTINGS: BrokerSettings = { historySize: 1_000, historyTtlMs: 60_000, dedupeTtlMs: 60_000 };
const ALL = { limit: 10_000, maxBytes: 100_000_000 };
const STORED = { store: true } as const;

/** What every implementation of `Broker` must do. */
export function describeBrokerContract(test: TestApi, name: string, contract: BrokerContract): void {
  const { describe, it, beforeEach, afterEach } = test;

  describe(`${name} as a broker`, () => {
    let pods: BrokerPods;
    let a: Broker;
    let b: Broker;
    let room: string;

    async function start(settings: Partial<BrokerSettings> = {}): Promise<void> {
      pods = await contract.createPods({ ...SETTINGS, ...settings });
      [a, b] = pods.pods as [Broker, Broker];
    }

    async function restart(settings: Partial<BrokerSettings>): Promise<void> {
      await pods.close();
      await start(settings);
    }

    beforeEach(async () => {
      room = newAddress();
      await start();
    });
    afterEach(async () => pods.close());

    describe('publishing', () => {
      it('numbers from 1, without a hole, in one epoch', async () => {
        const first = await a.publish(room, bytes('one'), STORED);
        const second = await b.publish(room, bytes('two'), STORED);
        assert.match(first.epoch, /^[A-Za-z0-9_-]{1,32}$/);
        assert.deepEqual(first, { offset: 1, epoch: first.epoch, duplicate: false });
        assert.deepEqual(second, { offset: 2, epoch: first.epoch, duplicate: false });
      });

      it('numbers each room by itself', async () => {
        const other = newAddress();
        await a.publish(room, bytes('x'), STORED);
        assert.equal((await a.publish(other, bytes('x'), STORED)).offset, 1);
      });

      it('keeps the order of publishes that were not awaited', async () => {
        const texts = numbered(300, 'm');
        const results = await Promise.all(texts.map((text) => a.publish(room, bytes(text), STORED)));
        assert.deepEqual(offsetsOf(results), upTo(300));
        assert.deepEqual(await historyTexts(b, room), texts);
      });

      it('gives every offset once to publishers on two pods, and delivers the same bytes in the same order to both', async () => {
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
        const received = await receive(b, room);
        await Promise.all(numbered(50, 'm').map((text, i) => a.publish(room, bytes(text), { store: i % 2 === 0 })));
        await received.count(50);
        assert.deepEqual(received.texts, numbered(50, 'm'));
      });

      it('are published once per dedupe key too', async () => {
        const received = await receive(b, room);
        await a.publish(room, bytes('once'), { store: false, dedupeKey: 'k' });
        const again = await b.publish(room, bytes('once'), { store: false, dedupeKey: 'k' });
        assert.equal(again.duplicate, true);
        assert.equal(again.offset, undefined);
        await expectNothingMore(received, a, room, 1);
      });

      it('ignore "except" where they are stored', async () => {
        const received = await receive(b, room);
        await a.publish(room, bytes('x'), { store: true, except: 'connection-1' });
        assert.equal((await received.count(1))[0]?.except, undefined);
      });
    });

    describe('dedupe keys', () => {
      it('give the first offset again and publish nothing, on whichever pod', async () => {
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
        const received = await receive(a, room);
        const results = await Promise.all(
          upTo(50).map((i) => (i % 2 ? a : b).publish(room, bytes('x'), { store: true, dedupeKey: 'same' })),
        );
        assert.equal(results.filter((result) => !result.duplicate).length, 1);
        assert.deepEqual(new Set(offsetsOf(results)), new Set([1]));
        await expectNothingMore(received, a, room, 1);
      });

      it('hold in one room only', async () => {
        const other = newAddress();
        await a.publish(room, bytes('x'), { store: true, dedupeKey: 'k' });
        assert.equal((await a.publish(other, bytes('x'), { store: true, dedupeKey: 'k' })).duplicate, false);
      });

      it('are told apart whatever characters and length they have', async () => {
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
        const again = await Promise.all(
          keys.map((dedupeKey) => b.publish(room, bytes('x'), { store: true, dedupeKey })),
        );
        assert.deepEqual(offsetsOf(again), upTo(keys.length));
      });

      it('are forgotten after their time', async () => {
        await restart({ dedupeTtlMs: 300 });
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

    describe('history', () => {
      async function fill(count: number, size = 10): Promise<void> {
        await Promise.all(numbered(count, 'm').map((text) => a.publish(room, bytes(text.padEnd(size)), STORED)));
      }

      it('gives the newest frames where no range is asked for', async () => {
        await fill(30);
        const { frames, position } = await b.history(room, { limit: 10, maxBytes: 10_000 });
        assert.deepEqual(
          frames.map((frame) => frame.offset),
          upTo(30).slice(20),
        );
        assert.deepEqual([position.top, position.oldest, position.ancestors], [30, 1, []]);
      });

      it('gives the frames above "since", from the lowest on', async () => {
        await fill(30);
        assert.deepEqual(await historyOffsets(b, room, { since: 12, limit: 5 }), [13, 14, 15, 16, 17]);
        assert.deepEqual(await historyOffsets(b, room, { since: 28, limit: 5 }), [29, 30]);
        assert.deepEqual(await historyOffsets(b, room, { since: 30, limit: 5 }), []);
        assert.deepEqual(await historyOffsets(b, room, { since: 1_000_000, limit: 5 }), []);
      });

      it('gives the frames at "before" and below, the highest of them, ascending', async () => {
        await fill(30);
        assert.deepEqual(await historyOffsets(b, room, { before: 12, limit: 5 }), [8, 9, 10, 11, 12]);
        assert.deepEqual(await historyOffsets(b, room, { before: 3, limit: 5 }), [1, 2, 3]);
        assert.deepEqual(await historyOffsets(b, room, { before: 0, limit: 5 }), []);
        assert.deepEqual(await historyOffsets(b, room, { before: 1_000_000, limit: 2 }), [29, 30]);
      });

      it('reads far more than one portion without a hole', async () => {
        await fill(700);
        assert.deepEqual(await historyOffsets(b, room, { since: 0, limit: 650 }), upTo(650));
        assert.deepEqual(await historyOffsets(b, room, { limit: 650 }), upTo(700).slice(50));
        assert.deepEqual(await historyOffsets(b, room, { limit: 0 }), []);
      });

      it('stops before it exceeds "maxBytes", and gives one frame even where that alone is larger', async () => {
        await fill(60, 1_000);
        assert.deepEqual(await historyOffsets(b, room, { since: 0, limit: 100, maxBytes: 3_999 }), [1, 2, 3]);
        assert.deepEqual(await historyOffsets(b, room, { since: 0, limit: 100, maxBytes: 4_000 }), [1, 2, 3, 4]);
        assert.deepEqual(await historyOffsets(b, room, { limit: 100, maxBytes: 3_000 }), [58, 59, 60]);
        assert.deepEqual(await historyOffsets(b, room, { since: 7, limit: 100, maxBytes: 10 }), [8]);
        assert.deepEqual(await historyOffsets(b, room, { before: 7, limit: 100, maxBytes: 10 }), [7]);
      });

      it('keeps the newest "historySize" frames and says which is the oldest', async () => {
        await restart({ historySize: 5 });
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
        await restart({ historySize: 0 });
        await fill(1_500, 3);
        assert.equal((await b.history(room, { since: 0, ...ALL })).frames.length, 1_500);
      });

      it('is gone "historyTtlMs" after the last frame, while the numbering goes on', async () => {
        await restart({ historyTtlMs: 300 });
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
        await restart({ historyTtlMs: 0 });
        await fill(3);
        await pods.elapse(50);
        assert.equal((await b.history(room, ALL)).frames.length, 3);
      });

      it('can be cleared; the numbering goes on', async () => {
        await fill(3);
        await b.clearHistory(room);
        const { frames, position } = await a.history(room, ALL);
        assert.deepEqual(frames, []);
        assert.deepEqual([position.top, position.oldest], [3, 4]);
        assert.equal((await a.publish(room, bytes('x'), STORED)).offset, 4);
        assert.deepEqual(await historyOffsets(b, room, { since: 0, limit: 9 }), [4]);
      });

      it('of a room that never was can be cleared', async () => {
        await a.clearHistory(room);
        assert.deepEqual((await a.history(room, ALL)).frames, []);
      });
    });

    describe('positions', () => {
      it('begin an epoch in a room that never was, which then stays', async () => {
        const [position] = await a.positions([room]);
        assert.deepEqual(position, { epoch: position?.epoch, top: 0, oldest: 1, ancestors: [] });
        assert.match(position?.epoch ?? '', /^[A-Za-z0-9_-]{1,32}$/);
        assert.deepEqual(await b.positions([room]), [position]);
        assert.equal((await b.publish(room, bytes('x'), STORED)).epoch, position?.epoch);
        assert.equal((await a.history(room, ALL)).position.epoch, position?.epoch);
      });

      it('come in the order of the addresses, however many', async () => {
        const rooms = upTo(250).map(() => newAddress());
        await Promise.all(rooms.slice(0, 3).map((address, i) => fillTo(address, i + 1)));
        const positions = await b.positions(rooms);
        assert.equal(positions.length, rooms.length);
        assert.deepEqual(
          positions.slice(0, 4).map((position) => position.top),
          [1, 2, 3, 0],
        );
        assert.deepEqual(await b.positions([]), []);
        assert.deepEqual(await a.positions(rooms.slice(2, 3)), [positions[2]]);
      });

      async function fillTo(address: string, count: number): Promise<void> {
        await Promise.all(numbered(count, 'm').map((text) => a.publish(address, bytes(text), STORED)));
      }

      it('give different rooms different epochs', async () => {
        const positions = await a.positions([room, newAddress(), newAddress()]);
        assert.equal(new Set(positions.map((position) => position.epoch)).size, 3);
      });
    });

    describe('when the data changes hands', () => {
      it('a new epoch continues the numbering and remembers the old one with what survived', async () => {
        const { epoch: old } = await a.publish(room, bytes('one'), STORED);
        await pods.changeHands([room]);
        const { offset, epoch } = await b.publish(room, bytes('two'), STORED);
        assert.equal(offset, 2);
        assert.notEqual(epoch, old);
        const { position, frames } = await a.history(room, { since: 0, ...ALL });
        assert.deepEqual(position, { epoch, top: 2, oldest: 1, ancestors: [{ epoch: old, top: 1 }] });
        assert.deepEqual(
          frames.map((frame) => frame.payload.toString()),
          ['one', 'two'],
        );
      });

      it('whoever only reads sees the new epoch as well', async () => {
        const quiet = newAddress();
        await a.publish(room, bytes('one'), STORED);
        await a.publish(quiet, bytes('one'), STORED);
        const before = await a.positions([room, quiet]);
        await pods.changeHands([room, quiet]);
        const [position] = await b.positions([room]);
        assert.deepEqual(position?.ancestors, [{ epoch: before[0]?.epoch, top: 1 }]);
        const page = await b.history(quiet, ALL);
        assert.deepEqual(page.position.ancestors, [{ epoch: before[1]?.epoch, top: 1 }]);
        assert.equal((await a.publish(room, bytes('two'), STORED)).epoch, position?.epoch);
      });

      it('messages that are not stored carry the new epoch', async () => {
        const received = await receive(b, room);
        const { epoch: old } = await a.publish(room, bytes('one'), { store: false });
        await pods.changeHands([room]);
        const { epoch } = await a.publish(room, bytes('two'), { store: false });
        assert.notEqual(epoch, old);
        assert.equal((await received.text('two')).epoch, epoch);
      });

      it('a duplicate is still known by its first offset', async () => {
        const first = await a.publish(room, bytes('one'), { store: true, dedupeKey: 'k' });
        await pods.changeHands([room]);
        const again = await b.publish(room, bytes('one'), { store: true, dedupeKey: 'k' });
        assert.deepEqual(again, { ...first, duplicate: true });
      });

      it('at most 16 ancestors are remembered, newest first', async () => {
        const epochs: string[] = [];
        for (let i = 0; i < 19; i += 1) {
          // One epoch after the other.
          epochs.unshift((await a.publish(room, bytes(`m${i}`), STORED)).epoch);
          await pods.changeHands([room]);
        }
        const [position] = await b.positions([room]);
        assert.deepEqual(
          position?.ancestors.map((ancestor) => ancestor.epoch),
          epochs.slice(0, 16),
        );
        assert.deepEqual(
          position?.ancestors.map((ancestor) => ancestor.top),
          upTo(19).reverse().slice(0, 16),
        );
      });
    });

    describe('subscriptions', () => {
      it('bring only what is of their room', async () => {
        const received = await receive(a, room);
        await b.publish(newAddress(), bytes('elsewhere'), STORED);
        await b.publish(room, bytes('here'), STORED);
        await received.count(1);
        assert.deepEqual(received.texts, ['here']);
      });

      it('bring nothing after they were ended, on that pod only', async () => {
        const [onA, onB] = [await receive(a, room), await receive(b, room)];
        await a.unsubscribe(room);
        await a.publish(room, bytes('x'), STORED);
        await onB.count(1);
        await nextTurn();
        assert.deepEqual(onA.messages, []);
      });

      it('may be ended where there is none, twice, and begun again', async () => {
        await a.unsubscribe(room);
        await receive(a, room);
        await a.unsubscribe(room);
        await a.unsubscribe(room);
        const received = await receive(a, room);
        await b.publish(room, bytes('x'), STORED);
        assert.equal((await received.count(1)).length, 1);
      });

      it('have one listener per room: the last one', async () => {
        const first = await receive(a, room);
        const second = await receive(a, room);
        await b.publish(room, bytes('x'), STORED);
        await second.count(1);
        assert.deepEqual(first.messages, []);
      });

      it('can be many', async () => {
        const rooms = upTo(200).map(() => newAddress());
        const received = await Promise.all(rooms.map((address) => receive(a, address)));
        await Promise.all(rooms.map((address) => b.publish(address, bytes(address), STORED)));
        await Promise.all(received.map((one) => one.count(1)));
        assert.deepEqual(
          received.map((one) => one.texts),
          rooms.map((address) => [address]),
        );
      });

      it('and history together miss nothing and repeat nothing, while a publisher never stops', async () => {
        let publishing = true;
        const last = publishUntil(a, room, () => !publishing);
        for (let round = 0; round < 20; round += 1) {
          // One seam after the other.
          await checkSeam(b, room);
        }
        publishing = false;
        assert.ok((await last) > 20);
      });
    });

    describe('signals', () => {
      it('reach every pod, the one that sends included', async () => {
        const told: string[] = [];
        pods.pods.forEach((pod, i) => pod.onSignal((payload) => told.push(`${i} ${payload.toString()}`)));
        await a.signal(bytes('kick'));
        await until(
          () => told.length,
          (length) => length >= pods.pods.length,
        );
        assert.deepEqual(
          told.sort(),
          pods.pods.map((_, i) => `${i} kick`),
        );
      });

      it('carry bytes as they are', async () => {
        const payload = randomBytes(1_000);
        const told: Buffer[] = [];
        b.onSignal((signal) => told.push(Buffer.from(signal)));
        await a.signal(payload);
        await until(
          () => told.length,
          (length) => length === 1,
        );
        assert.deepEqual(told, [payload]);
      });
    });

    describe('its life', () => {
      it('is available and answers while it is open', async () => {
        assert.equal(a.available, true);
        await a.ping(5_000);
      });

      it('settles what is under way when it is closed, and takes nothing after', async () => {
        const publishing = Promise.all(numbered(50, 'm').map((text) => a.publish(room, bytes(text), STORED)));
        await a.close();
        assert.deepEqual(offsetsOf(await publishing), upTo(50));
        const unavailable = { code: 'unavailable' };
        await assert.rejects(a.publish(room, bytes('x'), STORED), unavailable);
        await assert.rejects(
          a.subscribe(room, () => undefined),
          unavailable,
        );
        await assert.rejects(a.history(room, ALL), unavailable);
        await assert.rejects(a.positions([room]), unavailable);
        await assert.rejects(a.clearHistory(room), unavailable);
        await assert.rejects(a.signal(bytes('x')), unavailable);
        await assert.rejects(a.ping(1_000), unavailable);
        await a.unsubscribe(room);
        assert.equal(a.available, false);
        assert.equal((await b.publish(room, bytes('x'), STORED)).offset, 51);
      });
    });
  });
}

let addresses = 0;

function newAddress(): string {
  addresses += 1;
  return `contract/${randomBytes(6).toString('hex')}.${addresses}`;
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}

/** 1 to n. */
function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i + 1);
}

function numbered(count: number, word: string): string[] {
  return upTo(count).map((i) => `${word}${i}`);
}

function offsetsOf(results: readonly { readonly offset: number | undefined }[]): number[] {
  return results.map((result) => result.offset ?? 0);
}

async function historyTexts(broker: Broker, address: string): Promise<string[]> {
  const { frames } = await broker.history(address, { since: 0, ...ALL });
  return frames.map((frame) => frame.payload.toString());
}

async function historyOffsets(
  broker: Broker,
  address: string,
  range: { since?: number; before?: number; limit: number; maxBytes?: number },
): Promise<number[]> {
  const { frames } = await broker.history(address, { maxBytes: ALL.maxBytes, ...range });
  return frames.map((frame) => frame.offset);
}

/** What was published before it arrived before it: after it, nothing can come that came late. */
async function expectNothingMore(received: Received, broker: Broker, address: string, count: number): Promise<void> {
  await broker.publish(address, bytes('end'), STORED);
  await received.text('end');
  assert.equal(received.messages.length, count + 1);
}

async function publishUntil(broker: Broker, address: string, isOver: () => boolean): Promise<number> {
  let top = 0;
  while (!isOver()) {
    // A few at a time, without an end.
    const results = await Promise.all(numbered(5, 'm').map((text) => broker.publish(address, bytes(text), STORED)));
    top = Math.max(top, ...offsetsOf(results));
    await nextTurn();
  }
  return top;
}

/** Subscribes first, reads history second, and merges by offset, as a pod does that opens a room. */
async function checkSeam(broker: Broker, address: string): Promise<void> {
  const received = await receive(broker, address);
  const { frames, position } = await broker.history(address, { limit: 10, maxBytes: ALL.maxBytes });
  const seen = frames.map((frame) => frame.offset);
  assert.equal(seen.at(-1) ?? 0, position.top);
  await until(
    () => received.offsets.at(-1) ?? 0,
    (offset) => offset >= position.top + 10,
  );
  await broker.unsubscribe(address);
  const live = received.messages.filter((message: BrokerMessage) => message.offset > position.top);
  const merged = [...seen, ...live.map((message) => message.offset)];
  const first = merged[0] ?? 0;
  assert.deepEqual(
    merged,
    upTo(merged.length).map((i) => first + i - 1),
  );
}
