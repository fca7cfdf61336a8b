import assert from 'node:assert/strict';
import { receive } from '../received.js';
import type { TestApi } from '../test-api.js';
import type { BrokerRun } from './broker-run.js';
import { ALL, STORED, bytes, newAddress, numbered, upTo } from './helpers.js';

/** What positions promise, and what happens where the data changes hands. */
export function describeEpochs({ describe, it }: TestApi, run: BrokerRun): void {
  describe('positions', () => {
    it('begin an epoch in a room that never was, which then stays', async () => {
      const { a, b, room } = run;
      const [position] = await a.positions([room]);
      assert.deepEqual(position, { epoch: position?.epoch, top: 0, oldest: 1, ancestors: [] });
      assert.match(position?.epoch ?? '', /^[A-Za-z0-9_-]{1,32}$/);
      assert.deepEqual(await b.positions([room]), [position]);
      assert.equal((await b.publish(room, bytes('x'), STORED)).epoch, position?.epoch);
      assert.equal((await a.history(room, ALL)).position.epoch, position?.epoch);
    });

    it('come in the order of the addresses, however many', async () => {
      const { a, b } = run;
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
      await Promise.all(numbered(count, 'm').map((text) => run.a.publish(address, bytes(text), STORED)));
    }

    it('give different rooms different epochs', async () => {
      const { a, room } = run;
      const positions = await a.positions([room, newAddress(), newAddress()]);
      assert.equal(new Set(positions.map((position) => position.epoch)).size, 3);
    });
  });

  describe('when the data changes hands', () => {
    it('a new epoch continues the numbering and remembers the old one with what survived', async () => {
      const { a, b, room, pods } = run;
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
      const { a, b, room, pods } = run;
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
      const { a, b, room, pods } = run;
      const received = await receive(b, room);
      const { epoch: old } = await a.publish(room, bytes('one'), { store: false });
      await pods.changeHands([room]);
      const { epoch } = await a.publish(room, bytes('two'), { store: false });
      assert.notEqual(epoch, old);
      assert.equal((await received.text('two')).epoch, epoch);
    });

    it('a duplicate is still known by its first offset', async () => {
      const { a, b, room, pods } = run;
      const first = await a.publish(room, bytes('one'), { store: true, dedupeKey: 'k' });
      await pods.changeHands([room]);
      const again = await b.publish(room, bytes('one'), { store: true, dedupeKey: 'k' });
      assert.deepEqual(again, { ...first, duplicate: true });
    });

    it('at most 16 ancestors are remembered, newest first', async () => {
      const { a, b, room, pods } = run;
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
}
