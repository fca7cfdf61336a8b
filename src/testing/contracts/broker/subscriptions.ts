import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { receive } from '../received.js';
import { nextTurn, until } from '../test-api.js';
import type { TestApi } from '../test-api.js';
import type { BrokerRun } from './broker-run.js';
import { STORED, bytes, checkSeam, newAddress, publishUntil, upTo } from './helpers.js';

/** What subscriptions and signals promise. */
export function describeSubscriptions({ describe, it }: TestApi, run: BrokerRun): void {
  describe('subscriptions', () => {
    it('bring only what is of their room', async () => {
      const { a, b, room } = run;
      const received = await receive(a, room);
      await b.publish(newAddress(), bytes('elsewhere'), STORED);
      await b.publish(room, bytes('here'), STORED);
      await received.count(1);
      assert.deepEqual(received.texts, ['here']);
    });

    it('bring nothing after they were ended, on that pod only', async () => {
      const { a, b, room } = run;
      const [onA, onB] = [await receive(a, room), await receive(b, room)];
      await a.unsubscribe(room);
      await a.publish(room, bytes('x'), STORED);
      await onB.count(1);
      await nextTurn();
      assert.deepEqual(onA.messages, []);
    });

    it('may be ended where there is none, twice, and begun again', async () => {
      const { a, b, room } = run;
      await a.unsubscribe(room);
      await receive(a, room);
      await a.unsubscribe(room);
      await a.unsubscribe(room);
      const received = await receive(a, room);
      await b.publish(room, bytes('x'), STORED);
      assert.equal((await received.count(1)).length, 1);
    });

    it('have one listener per room: the last one', async () => {
      const { a, b, room } = run;
      const first = await receive(a, room);
      const second = await receive(a, room);
      await b.publish(room, bytes('x'), STORED);
      await second.count(1);
      assert.deepEqual(first.messages, []);
    });

    it('can be many', async () => {
      const { a, b } = run;
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
      const { a, b, room } = run;
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
      const { a, pods } = run;
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
      const { a, b } = run;
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
}
