import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Presence } from '../../index.js';
import { nextTurn, until } from './test-api.js';
import type { TestApi } from './test-api.js';

type PresentUser = Parameters<Presence['enter']>[1];
type ReapedUser = Parameters<Parameters<Presence['onReaped']>[0]>[0];

/** The presence of at least three pods that share their rooms, opened. */
export interface PresencePods {
  readonly pods: readonly Presence[];
  /** Lets time pass for leases. */
  elapse(ms: number): Promise<void>;
  /** Lets a pod end without a word, as a crash does. */
  crash(pod: Presence): Promise<void>;
  /** Closes the pods and what they share. */
  close(): Promise<void>;
}

export interface PresenceContract {
  /** Makes fresh pods, which share nothing with those of another test: not even what those left behind. */
  createPods(): Promise<PresencePods>;
}

const ALICE: PresentUser = { id: 'u1', name: 'Alice' };
const BOB: PresentUser = { id: 'u2', name: 'Bob' };
const ALL = { limit: 1_000 };

/** What every implementation of `Presence` must do. */
export function describePresenceContract(test: TestApi, name: string, contract: PresenceContract): void {
  const { describe, it, beforeEach, afterEach } = test;

  describe(`${name} as a presence`, () => {
    let shared: PresencePods;
    let a: Presence;
    let b: Presence;
    let c: Presence;
    let room: string;
    let reaped: ReapedUser[];

    beforeEach(async () => {
      room = newAddress();
      shared = await contract.createPods();
      [a, b, c] = shared.pods as [Presence, Presence, Presence];
      reaped = [];
      for (const pod of shared.pods) pod.onReaped((left) => reaped.push(left));
    });
    afterEach(async () => shared.close());

    /** Lets time pass until somebody was reaped. */
    async function untilReaped(count: number): Promise<void> {
      await until(
        () => reaped.length,
        (length) => length >= count,
        () => shared.elapse(20),
      );
    }

    describe('entering and exiting', () => {
      it('say who is first and who is last, over all pods', async () => {
        assert.deepEqual(await a.enter(room, ALICE), { first: true, members: 1 });
        assert.deepEqual(await b.enter(room, ALICE), { first: false, members: 1 });
        assert.deepEqual(await b.enter(room, BOB), { first: true, members: 2 });
        assert.deepEqual(await a.exit(room, ALICE.id), { last: false, members: 2 });
        assert.deepEqual(await b.exit(room, ALICE.id), { last: true, members: 1 });
        assert.deepEqual(await b.exit(room, BOB.id), { last: true, members: 0 });
        assert.equal(await a.count(room), 0);
      });

      it('count a pod once, however often it says it', async () => {
        await a.enter(room, ALICE);
        assert.deepEqual(await a.enter(room, ALICE), { first: false, members: 1 });
        assert.deepEqual(await a.exit(room, ALICE.id), { last: true, members: 0 });
        assert.deepEqual(await a.exit(room, ALICE.id), { last: false, members: 0 });
        assert.deepEqual(await a.enter(room, ALICE), { first: true, members: 1 });
      });

      it('do nothing to a user whom another pod has', async () => {
        await a.enter(room, ALICE);
        assert.deepEqual(await b.exit(room, ALICE.id), { last: false, members: 1 });
        assert.deepEqual(await b.exit(room, BOB.id), { last: false, members: 1 });
        assert.equal(await b.count(room), 1);
      });

      it('concern one room only', async () => {
        const other = newAddress();
        await a.enter(room, ALICE);
        assert.deepEqual(await a.enter(other, ALICE), { first: true, members: 1 });
        await a.exit(room, ALICE.id);
        assert.deepEqual(await Promise.all([a.count(room), a.count(other)]), [0, 1]);
      });

      it('add up where many come and go at once on two pods', async () => {
        const users = Array.from({ length: 200 }, (_, i) => ({ id: `u${i}`, name: `User ${i}` }));
        const entered = await Promise.all(users.flatMap((user) => [a.enter(room, user), b.enter(room, user)]));
        assert.equal(entered.filter(({ first }) => first).length, 200);
        assert.equal(await a.count(room), 200);
        const left = await Promise.all(users.flatMap(({ id }) => [a.exit(room, id), b.exit(room, id)]));
        assert.equal(left.filter(({ last }) => last).length, 200);
        assert.equal(await b.count(room), 0);
      });

      it('in turn, again and again, leave nothing behind', async () => {
        for (let i = 0; i < 30; i += 1) {
          // Not awaited one by one: as a user comes and goes whose connection flaps.
          await Promise.all([a.enter(room, ALICE), b.enter(room, BOB)]);
          await Promise.all([a.exit(room, ALICE.id), b.exit(room, BOB.id)]);
        }
        assert.deepEqual(await a.list(room, ALL), { count: 0, users: [], complete: true });
      });
    });

    describe('the list', () => {
      it('is empty in a room that never was', async () => {
        assert.equal(await a.count(room), 0);
        assert.deepEqual(await a.list(room, ALL), { count: 0, users: [], complete: true });
      });

      it('has the name that was said last', async () => {
        await a.enter(room, ALICE);
        await b.enter(room, { ...ALICE, name: 'Alice B.' });
        assert.deepEqual((await a.list(room, ALL)).users, [{ id: 'u1', name: 'Alice B.' }]);
        await a.enter(room, { ...ALICE, name: '' });
        assert.deepEqual((await b.list(room, ALL)).users, [{ id: 'u1', name: '' }]);
      });

      it('is ordered by the bytes of the ids, whatever characters they have', async () => {
        const ids = ['-', '+', '(u', '[u', '{u}', 'A', 'B', 'a', 'a b', 'a\nb', 'ab', 'é', '中', '\uffee', '😀'];
        await Promise.all(ids.map((id) => a.enter(room, { id, name: `name of ${id}` })));
        const expected = ids.map((id) => ({ id, name: `name of ${id}` })).sort((x, y) => compareBytes(x.id, y.id));
        assert.deepEqual((await b.list(room, ALL)).users, expected);
        for (const [i, { id }] of expected.entries()) {
          const { users } = await b.list(room, { after: id, limit: 1 });
          assert.deepEqual(users, expected.slice(i + 1, i + 2));
        }
      });

      it('comes in pages that go on after an id, which needn’t be there', async () => {
        const ids = Array.from({ length: 25 }, (_, i) => `u${String(i).padStart(2, '0')}`);
        await Promise.all(ids.map((id, i) => (i % 2 ? a : b).enter(room, { id, name: id })));
        const pages = [];
        let after: string | undefined;
        for (let complete = false; !complete;) {
          const page = await a.list(room, { after, limit: 10 });
          assert.equal(page.count, 25);
          pages.push(page.users.map(({ id }) => id));
          after = page.users.at(-1)?.id;
          ({ complete } = page);
        }
        assert.deepEqual(pages, [ids.slice(0, 10), ids.slice(10, 20), ids.slice(20)]);
        const { users, complete } = await a.list(room, { after: 'u05x', limit: 2 });
        assert.deepEqual([users.map(({ id }) => id), complete], [['u06', 'u07'], false]);
        assert.deepEqual(await a.list(room, { after: 'z', limit: 2 }), { count: 25, users: [], complete: true });
      });
    });

    describe('a pod that closes', () => {
      it('lets its users leave after the grace, told once, with those who remain', async () => {
        await a.enter(room, ALICE);
        await b.enter(room, BOB);
        await a.close(1_000);
        assert.equal(await b.count(room), 2);
        assert.deepEqual(reaped, []);
        await untilReaped(1);
        assert.deepEqual(reaped, [{ address: room, user: ALICE, members: 1 }]);
        assert.deepEqual((await b.list(room, ALL)).users, [BOB]);
      });

      it('says nothing of a user who came back elsewhere within the grace', async () => {
        await Promise.all([a.enter(room, ALICE), a.enter(room, BOB)]);
        await a.close(50);
        assert.deepEqual(await b.enter(room, ALICE), { first: false, members: 2 });
        await untilReaped(1);
        assert.deepEqual(reaped, [{ address: room, user: BOB, members: 1 }]);
        assert.deepEqual(await b.exit(room, ALICE.id), { last: true, members: 0 });
      });

      it('takes nothing any more', async () => {
        await a.close(0);
        await a.close(0);
        const unavailable = { code: 'unavailable' };
        await assert.rejects(a.enter(room, ALICE), unavailable);
        await assert.rejects(a.exit(room, ALICE.id), unavailable);
        await assert.rejects(a.count(room), unavailable);
        await assert.rejects(a.list(room, ALL), unavailable);
        assert.equal(await b.count(room), 0);
      });
    });

    describe('a pod that crashes', () => {
      it('has its users reaped from every room, each told on exactly one pod', async () => {
        const rooms = Array.from({ length: 20 }, () => newAddress());
        const users = Array.from({ length: 10 }, (_, i) => ({ id: `u${i}`, name: `User ${i}` }));
        await Promise.all(rooms.flatMap((address) => users.map((user) => a.enter(address, user))));
        await shared.crash(a);
        await untilReaped(200);
        for (let i = 0; i < 10; i += 1) await shared.elapse(20);
        assert.equal(reaped.length, 200);
        const told = new Set(reaped.map(({ address, user }) => `${address} ${user.id} ${user.name}`));
        assert.equal(told.size, 200);
        for (const address of rooms) {
          const members = reaped.filter((left) => left.address === address).map((left) => left.members);
          assert.deepEqual(
            members.sort((x, y) => x - y),
            [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
          );
          assert.equal(await b.count(address), 0);
        }
      });

      it('costs no user anything who is on a living pod too', async () => {
        await Promise.all([a.enter(room, ALICE), b.enter(room, ALICE), a.enter(room, BOB), c.enter(room, BOB)]);
        const other = newAddress();
        await a.enter(other, ALICE);
        await shared.crash(a);
        await untilReaped(1);
        assert.deepEqual(reaped, [{ address: other, user: ALICE, members: 0 }]);
        assert.equal(await b.count(room), 2);
        assert.deepEqual(await b.exit(room, ALICE.id), { last: true, members: 1 });
      });

      it('and its users may come back at once, on another pod', async () => {
        await a.enter(room, ALICE);
        await shared.crash(a);
        await c.enter(room, ALICE);
        for (let i = 0; i < 10; i += 1) await shared.elapse(100);
        await nextTurn();
        assert.deepEqual((await b.list(room, ALL)).users, [ALICE]);
      });
    });

    describe('a living pod', () => {
      it('keeps its users, however long it lives', async () => {
        await a.enter(room, ALICE);
        for (let i = 0; i < 20; i += 1) await shared.elapse(100);
        assert.equal(await b.count(room), 1);
        assert.deepEqual(reaped, []);
      });
    });
  });
}

let addresses = 0;

function newAddress(): string {
  addresses += 1;
  return `presence/${randomBytes(6).toString('hex')}.${addresses}`;
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
