import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Seating, Seats } from '../../index.js';
import { until } from './test-api.js';
import type { TestApi } from './test-api.js';

/** The seats of at least two pods that know them together, open. */
export interface SeatsPods {
  readonly pods: readonly Seats[];
  /** Ends a pod as a crash does: it gives nothing back. `undefined`: one process can't lose a part of itself. */
  readonly crash?: (pod: number) => Promise<void>;
  /** Closes the pods and what they share. */
  close(): Promise<void>;
}

export interface SeatsContract {
  createPods(): Promise<SeatsPods>;
}

const REJECT = { most: 2, whenFull: 'reject' } as const;
const REPLACE = { most: 2, whenFull: 'replace' } as const;

/** What every implementation of `Seats` must do. */
export function describeSeatsContract(test: TestApi, name: string, contract: SeatsContract): void {
  const { describe, it, beforeEach, afterEach } = test;

  describe(`${name} as seats`, () => {
    let shared: SeatsPods;
    let a: Seats;
    let b: Seats;
    let user: string;

    beforeEach(async () => {
      user = `u-${randomBytes(6).toString('hex')}`;
      shared = await contract.createPods();
      [a, b] = shared.pods as [Seats, Seats];
    });
    afterEach(async () => shared.close());

    it('are so many over all pods, and not one more', async () => {
      assert.deepEqual(await a.take(user, 'c1', REJECT), granted());
      assert.deepEqual(await b.take(user, 'c2', REJECT), granted());
      assert.deepEqual(await a.take(user, 'c3', REJECT), { granted: false });
      assert.deepEqual(await b.take(`${user}x`, 'c4', REJECT), granted());
    });

    it('are free again when they are given back, by whichever pod had them', async () => {
      await a.take(user, 'c1', REJECT);
      await b.take(user, 'c2', REJECT);
      await a.release(user, 'c1');
      await a.release(user, 'c1');
      assert.deepEqual(await b.take(user, 'c3', REJECT), granted());
      assert.deepEqual(await b.take(user, 'c4', REJECT), { granted: false });
    });

    it('go from the oldest to the newest where that is the rule', async () => {
      await a.take(user, 'c1', REPLACE);
      await b.take(user, 'c2', REPLACE);
      assert.deepEqual(await b.take(user, 'c3', REPLACE), granted('c1'));
      await a.release(user, 'c1');
      assert.deepEqual(await a.take(user, 'c4', REPLACE), granted('c2'));
    });

    it('are cleared down to a limit that became lower', async () => {
      for (const id of ['c1', 'c2', 'c3', 'c4']) await a.take(user, id, { most: 4, whenFull: 'reject' });
      assert.deepEqual(await b.take(user, 'c5', REPLACE), granted('c1', 'c2', 'c3'));
    });

    it('never give the last one to two who come at once', async () => {
      const ids = Array.from({ length: 20 }, (_, n) => `c${n}`);
      const seatings = await Promise.all(ids.map((id, n) => (n % 2 ? a : b).take(user, id, REJECT)));
      assert.equal(seatings.filter((seating) => seating.granted).length, 2);
    });

    it('have users apart whatever their ids look like', async () => {
      for (const odd of ['', '{a}', '}', 'a:b', 'ü', 'x'.repeat(128)]) {
        assert.deepEqual(await a.take(`${odd}${user}`, 'c1', { most: 1, whenFull: 'reject' }), granted());
        assert.deepEqual(await b.take(`${odd}${user}`, 'c2', { most: 1, whenFull: 'reject' }), { granted: false });
      }
    });

    it('of a pod that died become free by themselves, those of the others stay', async () => {
      if (!shared.crash) return;
      await a.take(user, 'c1', REJECT);
      await b.take(user, 'c2', REJECT);
      await shared.crash(0);
      await until(
        () => b.take(user, 'c3', REJECT),
        (seating) => seating.granted,
      );
      assert.deepEqual(await b.take(user, 'c4', REJECT), { granted: false });
    });
  });
}

function granted(...replaced: string[]): Seating {
  return { granted: true, replaced };
}
