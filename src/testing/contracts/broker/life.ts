import assert from 'node:assert/strict';
import type { TestApi } from '../test-api.js';
import type { BrokerRun } from './broker-run.js';
import { ALL, STORED, bytes, numbered, offsetsOf, upTo } from './helpers.js';

/** What open and closed brokers promise. */
export function describeLife({ describe, it }: TestApi, run: BrokerRun): void {
  describe('its life', () => {
    it('is available and answers while it is open', async () => {
      const { a } = run;
      assert.equal(a.available, true);
      await a.ping(5_000);
    });

    it('tells of no change where it is only opened and closed', async () => {
      const { a } = run;
      const told: boolean[] = [];
      a.onAvailability((available) => told.push(available));
      await a.close();
      assert.deepEqual(told, []);
    });

    it('settles what is under way when it is closed, and takes nothing after', async () => {
      const { a, b, room } = run;
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
      await assert.rejects(a.latest(room, { since: 0, ...ALL }), unavailable);
      await assert.rejects(a.latestPositions([room]), unavailable);
      await assert.rejects(a.clearHistory(room), unavailable);
      await assert.rejects(a.signal(bytes('x')), unavailable);
      await assert.rejects(a.ping(1_000), unavailable);
      await a.unsubscribe(room);
      assert.equal(a.available, false);
      assert.equal((await b.publish(room, bytes('x'), STORED)).offset, 51);
    });
  });
}
