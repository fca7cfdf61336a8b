import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Bans } from '../../index.js';
import { until } from './test-api.js';
import type { TestApi } from './test-api.js';

/** The bans of at least two pods that know them together, ready. */
export interface BansPods {
  readonly pods: readonly Bans[];
  /** Lets time pass for bans. */
  elapse(ms: number): Promise<void>;
  /** Closes the pods and what they share. */
  close(): Promise<void>;
}

export interface BansContract {
  createPods(): Promise<BansPods>;
}

const HOUR_MS = 3_600_000;
/** What the clocks of two machines and a slow test may take. */
const SLACK_MS = 30_000;

/** What every implementation of `Bans` must do. */
export function describeBansContract(test: TestApi, name: string, contract: BansContract): void {
  const { describe, it, beforeEach, afterEach } = test;

  describe(`${name} as bans`, () => {
    let shared: BansPods;
    let a: Bans;
    let b: Bans;
    let room: string;

    beforeEach(async () => {
      room = `bans/${randomBytes(6).toString('hex')}`;
      shared = await contract.createPods();
      [a, b] = shared.pods as [Bans, Bans];
    });
    afterEach(async () => shared.close());

    it('are known to every pod as soon as they are said', async () => {
      await a.ban(room, 'u1', HOUR_MS);
      for (const pod of [a, b]) assertAbout(await pod.remainingMs([room], 'u1'), HOUR_MS);
    });

    it('concern one scope and one user', async () => {
      await a.ban(room, 'u1', HOUR_MS);
      assert.equal(await b.remainingMs([room], 'u2'), 0);
      assert.equal(await b.remainingMs([`${room}x`, '*'], 'u1'), 0);
      assert.equal(await b.remainingMs([], 'u1'), 0);
    });

    it('last as long as the longest of the scopes that are asked for', async () => {
      await a.ban(room, 'u1', HOUR_MS);
      await b.ban('*', 'u1', 3 * HOUR_MS);
      assertAbout(await a.remainingMs(['*', room], 'u1'), 3 * HOUR_MS);
      assertAbout(await a.remainingMs([room], 'u1'), HOUR_MS);
    });

    it('are lengthened by a longer one, and not shortened by a shorter one', async () => {
      await a.ban(room, 'u1', HOUR_MS);
      await b.ban(room, 'u1', 1_000);
      assertAbout(await a.remainingMs([room], 'u1'), HOUR_MS);
      await b.ban(room, 'u1', 2 * HOUR_MS);
      assertAbout(await a.remainingMs([room], 'u1'), 2 * HOUR_MS);
    });

    it('end when their time is over', async () => {
      await a.ban(room, 'u1', 200);
      assert.ok((await b.remainingMs([room], 'u1')) > 0);
      await shared.elapse(200);
      await until(
        () => b.remainingMs([room], 'u1'),
        (left) => left === 0,
        () => shared.elapse(20),
      );
    });

    it('end for every pod when somebody ends them, each scope by itself', async () => {
      await a.ban(room, 'u1', HOUR_MS);
      await a.ban('*', 'u1', HOUR_MS);
      await b.unban(room, 'u1');
      await b.unban(room, 'nobody');
      for (const pod of [a, b]) {
        assert.equal(await pod.remainingMs([room], 'u1'), 0);
        assertAbout(await pod.remainingMs(['*'], 'u1'), HOUR_MS);
      }
      await a.ban(room, 'u1', HOUR_MS);
      assertAbout(await b.remainingMs([room], 'u1'), HOUR_MS);
    });

    it('may be without an end', async () => {
      await a.ban(room, 'u1', Number.POSITIVE_INFINITY);
      assert.ok((await b.remainingMs([room], 'u1')) > 1_000 * HOUR_MS);
    });

    it('are told apart whatever characters and length the ids have', async () => {
      const ids = ['', ' ', 'a', '\ud800', '\ud801', '{x}', 'x'.repeat(500), `${'x'.repeat(500)}y`];
      await a.ban(room, ids[3] ?? '', HOUR_MS);
      await a.ban(room, ids[6] ?? '', HOUR_MS);
      const left = await Promise.all(ids.map((id) => b.remainingMs([room], id)));
      assert.deepEqual(
        left.map((ms) => ms > 0),
        ids.map((_, i) => i === 3 || i === 6),
      );
    });
  });
}

function assertAbout(ms: number, expectedMs: number): void {
  assert.ok(ms <= expectedMs && ms > expectedMs - SLACK_MS, `expected about ${expectedMs} ms, got ${ms}`);
}
