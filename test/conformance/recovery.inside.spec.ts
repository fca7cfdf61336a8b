import { afterEach, describe, expect, it } from '@jest/globals';
import type { RealtimeOptions } from '../../src/index.js';
import type { JoinedFrame } from '../../src/protocol/index.js';
import { FlakyBroker, ManualClock } from '../../src/testing/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { advanceUntil } from '../support/advance.js';
import { memoryBroker, memoryStore } from '../support/brokers.js';
import type { MemoryStore } from '../support/brokers.js';
import { freshRoom, freshUser, heard, joinedIn, offsetsIn, partsOf, range, say, sayMany } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';

describe('recovery, from inside', () => {
  let chat: ChatServer | undefined;

  afterEach(() => chat?.close());

  async function start(options: RealtimeOptions = {}): Promise<ChatServer> {
    chat = await startChat(options);
    return chat;
  }

  /** A server on a broker whose faults, time and epochs the test decides. */
  async function startFlaky(options: RealtimeOptions = {}) {
    const clock = new ManualClock();
    const store = memoryStore({ clock, historySize: options.historySize ?? 1_000 });
    const flaky = new FlakyBroker(memoryBroker({ store }));
    const server = await start({ clock, broker: flaky, heartbeatMs: 0, ...options });
    return { server, flaky, clock, store };
  }

  async function filled(server: ChatServer, count: number) {
    const room = freshRoom();
    const { client: alice, joined } = await server.visit(room, freshUser('alice'));
    await sayMany(alice, count);
    const { epoch } = partsOf(joined.cursor);
    return { room, address: `chat/${room}`, alice, epoch, at: (n: number): string => `${epoch}.${n}` };
  }

  describe('what is retained', () => {
    it('RC1 recovers up to the last frame that is retained, and RC2 not one further', async () => {
      const server = await start({ historySize: 5 });
      const { room, alice, at } = await filled(server, 10);
      const good = await server.visit(room, freshUser(), { since: at(5) });
      expect(good.joined).toMatchObject({ recovered: true, cursor: at(5) });
      const gone = await server.visit(room, freshUser(), { since: at(4) });
      expect(gone.joined).toMatchObject({ recovered: false, cursor: at(10) });
      await say(alice, 'live');
      await Promise.all([heard(good.client, 'live'), heard(gone.client, 'live')]);
      expect(offsetsIn(good.client, room)).toEqual(range(6, 11));
      expect(offsetsIn(gone.client, room)).toEqual([11]);
    });

    it('RC2 sends nothing of a gap of which a part is retained', async () => {
      const server = await start({ historySize: 5 });
      const { room, alice, at } = await filled(server, 10);
      for (const seen of [0, 1, 2, 3, 4]) {
        const { client, joined } = await server.visit(room, freshUser(), { since: at(seen) });
        expect(joined.recovered).toBe(false);
        await say(alice, `live ${seen}`);
        await heard(client, `live ${seen}`);
        expect(offsetsIn(client, room)).toHaveLength(1);
      }
    });

    it('RC1 recovers at the top, and RC2 nothing before it, after the history was cleared', async () => {
      const server = await start();
      const { room, address, at } = await filled(server, 4);
      await server.realtime.to(address).clearHistory();
      expect((await server.visit(room, freshUser(), { since: at(4) })).joined.recovered).toBe(true);
      expect((await server.visit(room, freshUser(), { since: at(3) })).joined).toMatchObject({
        recovered: false,
        cursor: at(4),
      });
    });

    it('RC2 recovers nothing whose time is over', async () => {
      const clock = new ManualClock();
      const server = await start({ clock, historyTtlMs: 60_000, heartbeatMs: 0 });
      const { room, at } = await filled(server, 3);
      clock.advance(61_000);
      expect((await server.visit(room, freshUser(), { since: at(1) })).joined.recovered).toBe(false);
    });

    it('RC1 recovers more than one page of history', async () => {
      const server = await start({ messagesPerSecond: 0, historySize: 5_000 });
      const { room, address, alice, at } = await filled(server, 0);
      for (let n = 0; n < 2_600; n += 1)
        await server.realtime.to(address).publish('message', { text: 'x'.repeat(n % 400) });
      const { client, joined } = await server.visit(room, freshUser(), { since: at(0) });
      expect(joined.recovered).toBe(true);
      await say(alice, 'live');
      await heard(client, 'live');
      expect(offsetsIn(client, room)).toEqual(range(1, 2_601));
    });
  });

  it('RC1 recovers more than the outbox of a connection may hold', async () => {
    const server = await start({ maxBufferedBytes: 300_000 });
    const { room, address, alice, at } = await filled(server, 0);
    for (let n = 0; n < 60; n += 1) {
      await server.realtime.to(address).publish('message', { text: 'x'.repeat(60_000) });
      await alice.next('message');
    }
    const { client, joined } = await server.visit(room, freshUser(), { since: at(0) });
    expect(joined.recovered).toBe(true);
    await client.take(60, 'message');
    expect(offsetsIn(client, room)).toEqual(range(1, 60));
    expect(client.isOpen).toBe(true);
  });

  describe('the seam', () => {
    it('RC1 loses nothing that is published while the history is read', async () => {
      const { server, flaky } = await startFlaky();
      const { room, alice, at } = await filled(server, 5);
      flaky.hang('history');
      const bob = await server.connect(room, freshUser('bob'), { since: at(2) });
      await flaky.called('history', flaky.count('history') - 1);
      await sayMany(alice, 5);
      flaky.heal();
      await say(alice, 'after');
      await heard(bob, 'after');
      expect(await joinedIn(bob, room)).toMatchObject({ recovered: true, cursor: at(2) });
      expect(offsetsIn(bob, room)).toEqual(range(3, 11));
    });

    it('RC1 repeats nothing whose delivery comes after it was read from history', async () => {
      const { server, flaky } = await startFlaky();
      const { room, alice, at } = await filled(server, 3);
      flaky.holdDeliveries();
      await sayMany(alice, 4);
      const bob = await server.connect(room, freshUser('bob'), { since: at(1) });
      await joinedIn(bob, room);
      flaky.heal();
      await say(alice, 'after');
      await Promise.all([heard(bob, 'after'), heard(alice, 'after')]);
      expect(offsetsIn(bob, room)).toEqual(range(2, 8));
      expect(offsetsIn(alice, room)).toEqual(range(1, 8));
    });

    it('RC1 takes a cursor that is ahead of what this pod has delivered, of somebody who saw more elsewhere', async () => {
      const { server, flaky } = await startFlaky();
      const { room, alice, at } = await filled(server, 3);
      flaky.holdDeliveries();
      await sayMany(alice, 4);
      const { client: bob, joined } = await server.visit(room, freshUser('bob'), { since: at(7) });
      expect(joined).toMatchObject({ recovered: true, cursor: at(7) });
      flaky.heal();
      await say(alice, 'after');
      await Promise.all([heard(bob, 'after'), heard(alice, 'after')]);
      expect(offsetsIn(bob, room)).toEqual([8]);
      expect(offsetsIn(alice, room)).toEqual(range(1, 8));
    });

    it('RC1 gives everybody who comes back at once what each has missed, from one read', async () => {
      const { server, flaky, store } = await startFlaky();
      const room = freshRoom();
      const address = `chat/${room}`;
      for (const n of range(1, 40)) await server.realtime.to(address).publish('message', { text: String(n) });
      const { epoch } = store.position(address);
      flaky.hang('subscribe');
      const seen = range(10, 40);
      const clients = await Promise.all(
        seen.map((offset) => server.connect(room, freshUser(), { since: `${epoch}.${offset}` })),
      );
      await Promise.all(clients.map((client) => client.next('welcome'))); // It waits with them for the room.
      flaky.heal();
      const joined = await Promise.all(clients.map((client) => joinedIn(client, room)));
      expect(joined.every(({ recovered }) => recovered)).toBe(true);
      expect(flaky.count('history')).toBe(1);
      await server.realtime.to(address).publish('message', { text: 'live' });
      await Promise.all(clients.map((client) => heard(client, 'live')));
      expect(clients.map((client) => offsetsIn(client, room))).toEqual(seen.map((offset) => range(offset + 1, 41)));
    });

    it('FR2 has a fresh member begin exactly after its cursor, whatever is published meanwhile', async () => {
      const { server, flaky } = await startFlaky();
      const { room, alice } = await filled(server, 3);
      flaky.holdDeliveries();
      await sayMany(alice, 4);
      const { client: bob, joined } = await server.visit(room, freshUser('bob'));
      flaky.heal();
      await say(alice, 'after');
      await heard(bob, 'after');
      expect(offsetsIn(bob, room)).toEqual(range(partsOf(joined.cursor).offset + 1, 8));
    });
  });

  describe('authorisation', () => {
    it('RC3 asks the policy for a recovery as for any join', async () => {
      const server = await start();
      const { room, at } = await filled(server, 3);
      const bob = freshUser('bob');
      server.policy.noJoin.add(`${bob} ${room}`);
      const byPath = await server.connect(room, bob, { since: at(0), tokenBy: 'subprotocol' });
      expect(await byPath.closed()).toEqual({ code: 1008, reason: 'forbidden' });
      expect(byPath.received).toEqual([]);
      const byFrame = await server.lobby(bob);
      expect(await byFrame.request({ type: 'join', room, since: at(0) })).toMatchObject({ code: 'forbidden' });
      await byFrame.expectNone('message');
    });

    it('RC3 runs the guards for a recovery as for any handshake', async () => {
      const server = await start();
      const { room, at } = await filled(server, 3);
      const client = await server.connect(room, undefined, { since: at(0), protocols: ['rookery.v1'] });
      expect(await client.closed()).toEqual({ code: 1008, reason: 'unauthenticated' });
      expect(client.received).toEqual([]);
    });

    it('RC3 recovers nothing for somebody who is kicked', async () => {
      const server = await start();
      const { room, address, at } = await filled(server, 3);
      const bob = freshUser('bob');
      await server.realtime.to(address).kick(bob, { forMs: 60_000 });
      const client = await server.lobby(bob);
      expect(await client.request({ type: 'join', room, since: at(0) })).toMatchObject({ code: 'forbidden' });
      await client.expectNone('message');
    });

    it('RC3 recovers @me of nobody else', async () => {
      const server = await start();
      const [alice, bob] = [freshUser('alice'), freshUser('bob')];
      const first = await server.lobby(alice);
      const { cursor } = await joinedIn(first, '@me');
      await server.realtime.user(alice).publish('notice', { secret: true });
      const second = await server.connect(undefined, bob, { me: cursor });
      expect(await joinedIn(second, '@me')).toMatchObject({ recovered: false });
      await second.expectNone('notice');
    });
  });

  describe('a pod that misses frames', () => {
    it('RC4 repairs a hole before it delivers anything newer', async () => {
      const { server, flaky } = await startFlaky();
      const { room, alice } = await filled(server, 2);
      const bob = await server.enter(room, freshUser('bob'));
      flaky.dropDeliveries((_address, { offset }) => offset === 4 || offset === 5);
      await sayMany(alice, 5);
      await heard(bob, '5');
      await say(alice, 'after');
      await Promise.all([heard(bob, 'after'), heard(alice, 'after')]);
      expect(offsetsIn(bob, room)).toEqual(range(3, 8));
      expect(offsetsIn(alice, room)).toEqual(range(1, 8));
    });

    it('RC4 repairs a last frame before silence within positionCheckMs', async () => {
      const { server, flaky, clock } = await startFlaky();
      const { room, alice } = await filled(server, 2);
      const bob = await server.enter(room, freshUser('bob'));
      flaky.dropDeliveries();
      await say(alice, 'lost');
      await bob.expectNone('message');
      flaky.heal();
      await advanceUntil(clock, 'the lost frame', heard(bob, 'lost'), { withinMs: 10_000 });
      expect(offsetsIn(bob, room)).toEqual([3]);
    });

    it('RC4 repairs while the subscription is silently gone, each time within positionCheckMs', async () => {
      const { server, flaky, clock } = await startFlaky();
      const { room, alice } = await filled(server, 0);
      flaky.dropDeliveries();
      for (const turn of range(1, 3)) {
        await sayMany(alice, 3);
        await say(alice, `turn ${turn}`);
        await advanceUntil(clock, `turn ${turn}`, heard(alice, `turn ${turn}`), { withinMs: 10_000 });
      }
      expect(offsetsIn(alice, room)).toEqual(range(1, 12));
    });

    it('RC4 repairs at once where the broker says that a subscription was interrupted', async () => {
      const { server, flaky } = await startFlaky();
      const { room, address, alice } = await filled(server, 2);
      const bob = await server.enter(room, freshUser('bob'));
      flaky.dropDeliveries();
      await sayMany(alice, 4);
      flaky.heal();
      flaky.interrupt([address]);
      await heard(bob, '4');
      expect(offsetsIn(bob, room)).toEqual(range(3, 6));
    });

    it('RC4 goes on trying while history does not answer, and delivers nothing newer meanwhile', async () => {
      const { server, flaky, clock } = await startFlaky();
      const { room, alice } = await filled(server, 2);
      const bob = await server.enter(room, freshUser('bob'));
      flaky.dropDeliveries((_address, { offset }) => offset === 3);
      flaky.fail('history');
      await sayMany(alice, 4);
      await bob.expectNone('message');
      flaky.heal();
      await advanceUntil(clock, 'the repair', heard(bob, '4'), { withinMs: 10_000 });
      expect(offsetsIn(bob, room)).toEqual(range(3, 6));
    });

    it('RC4 tells members by a second joined where the frames are gone, and goes on after its cursor', async () => {
      const { server, flaky } = await startFlaky({ historySize: 3 });
      const { room, alice, epoch } = await filled(server, 2);
      const { client: bob, joined } = await server.visit(room, freshUser('bob'));
      expect(joined.cursor).toBe(`${epoch}.2`);
      flaky.dropDeliveries((_address, { offset }) => offset >= 3 && offset <= 8);
      await sayMany(alice, 7);
      const second = await joinedIn(bob, room);
      expect(second).toMatchObject({ type: 'joined', room, recovered: false, members: 2 });
      expect(second).not.toHaveProperty('id');
      await say(alice, 'after');
      await heard(bob, 'after');
      expect(offsetsIn(bob, room)).toEqual(range(partsOf(second.cursor).offset + 1, 10));
      expect(partsOf(second.cursor).epoch).toBe(epoch);
    });

    it('RC4 tells members by a second joined where history has a hole, once, and goes on', async () => {
      const { server, flaky, store } = await startFlaky();
      const { room, address, alice, at } = await filled(server, 2);
      const bob = await server.enter(room, freshUser('bob'));
      const read = store.history.bind(store);
      store.history = (...args) => {
        const { position, frames } = read(...args);
        return { position, frames: args[0] === address ? frames.filter(({ offset }) => offset !== 3) : frames };
      };
      flaky.dropDeliveries((_address, { offset }) => offset === 3);
      const reads = flaky.count('history');
      await sayMany(alice, 3);
      expect(await joinedIn(bob, room)).toMatchObject({ recovered: false });
      await say(alice, 'after');
      await heard(bob, 'after');
      expect(offsetsIn(bob, room)).not.toContain(3);
      const late = await server.connect(room, freshUser('late'), { since: at(2) });
      expect(await joinedIn(late, room)).toMatchObject({ recovered: false });
      expect(flaky.count('history') - reads).toBeLessThan(10);
    });

    it('RC4 leaves nobody who comes during the repair without its frames', async () => {
      const { server, flaky, clock } = await startFlaky();
      const { room, alice, at } = await filled(server, 4);
      flaky.dropDeliveries((_address, { offset }) => offset === 5);
      flaky.hang('history');
      await sayMany(alice, 3);
      const bob = await server.connect(room, freshUser('bob'), { since: at(1) });
      await bob.next('welcome');
      flaky.heal();
      await advanceUntil(clock, 'the repair', heard(bob, '3'), { withinMs: 10_000 });
      await say(alice, 'after');
      await Promise.all([heard(bob, 'after'), heard(alice, 'after')]);
      expect(offsetsIn(bob, room).filter((offset) => offset > 4)).toEqual(range(5, 8));
      expect(offsetsIn(alice, room)).toEqual(range(1, 8));
    });
  });

  describe('a new epoch', () => {
    const epochOf = (joined: JoinedFrame): string => partsOf(joined.cursor).epoch;

    /** The room's numbering begins anew from an offset that survived; the room hears of it by its next frame. */
    async function shift(store: MemoryStore, address: string, top: number, alice: TestClient): Promise<void> {
      store.beginEpoch(address, top);
      await say(alice, 'after the shift');
    }

    it('FR2 tells a member who lost nothing by a second joined with recovered: true at the last offset it was sent', async () => {
      const { server, store } = await startFlaky();
      const { room, address, alice, epoch } = await filled(server, 4);
      const bob = await server.enter(room, freshUser('bob'));
      await shift(store, address, 4, alice);
      const second = await joinedIn(bob, room);
      expect(second).toMatchObject({ recovered: true, members: 2 });
      expect(second).not.toHaveProperty('id');
      expect(epochOf(second)).not.toBe(epoch);
      expect(partsOf(second.cursor).offset).toBe(4);
      expect((await heard(bob, 'after the shift')).offset).toBe(5);
    });

    it('FR2 tells a member who saw what was lost by a second joined with recovered: false', async () => {
      const { server, store } = await startFlaky();
      const { room, address, alice, epoch } = await filled(server, 4);
      const bob = await server.enter(room, freshUser('bob'));
      await shift(store, address, 2, alice);
      const second = await joinedIn(bob, room);
      expect(second).toMatchObject({ recovered: false, members: 2 });
      expect(epochOf(second)).not.toBe(epoch);
      await say(alice, 'after');
      expect((await heard(bob, 'after')).offset).toBe(4);
      const next = bob.received
        .slice(bob.received.indexOf(second as never) + 1)
        .find(({ offset }) => offset !== undefined);
      expect(next?.offset).toBe(partsOf(second.cursor).offset + 1);
    });

    it('FR2 hears of a new epoch without a frame, within positionCheckMs', async () => {
      const { server, store, clock } = await startFlaky();
      const { room, address } = await filled(server, 4);
      const bob = await server.enter(room, freshUser('bob'));
      store.beginEpoch(address, 4);
      const second = await advanceUntil(clock, 'the second joined', joinedIn(bob, room), { withinMs: 10_000 });
      expect(second).toMatchObject({ recovered: true });
    });

    it('RC1 takes a cursor of an ancestor whose offset survived, and RC2 none above that', async () => {
      const { server, store } = await startFlaky();
      const { room, address, alice, at } = await filled(server, 6);
      store.beginEpoch(address, 4);
      await say(alice, 'five again');
      const good = await server.visit(room, freshUser(), { since: at(3) });
      expect(good.joined.recovered).toBe(true);
      expect(partsOf(good.joined.cursor).offset).toBe(3);
      expect(epochOf(good.joined)).not.toBe(partsOf(at(3)).epoch);
      await heard(good.client, 'five again');
      expect(offsetsIn(good.client, room)).toEqual([4, 5]);
      expect((await server.visit(room, freshUser(), { since: at(4) })).joined.recovered).toBe(true);
      expect((await server.visit(room, freshUser(), { since: at(5) })).joined.recovered).toBe(false);
    });

    it('RC1 takes the lowest top of all later epochs', async () => {
      const { server, store } = await startFlaky();
      const { room, address, alice, at } = await filled(server, 6);
      store.beginEpoch(address, 5);
      await say(alice, 'again');
      store.beginEpoch(address, 3);
      await say(alice, 'and again');
      expect((await server.visit(room, freshUser(), { since: at(3) })).joined.recovered).toBe(true);
      expect((await server.visit(room, freshUser(), { since: at(4) })).joined.recovered).toBe(false);
    });

    it('RC1 remembers 16 ancestors, RC2 no more', async () => {
      const { server, store } = await startFlaky();
      const { room, address, alice, at } = await filled(server, 1);
      for (let n = 1; n <= 16; n += 1) store.beginEpoch(address, 1);
      await say(alice, 'sixteen');
      expect((await server.visit(room, freshUser(), { since: at(1) })).joined.recovered).toBe(true);
      store.beginEpoch(address, 2);
      await say(alice, 'seventeen');
      expect((await server.visit(room, freshUser(), { since: at(1) })).joined.recovered).toBe(false);
    });

    it('CL4 takes cursors of an ancestor that survived, and answers those above with not_found', async () => {
      const { server, store } = await startFlaky();
      const { address, alice, at } = await filled(server, 6);
      await shift(store, address, 4, alice);
      const page = await alice.request<{ frames: { offset: number }[] }>({ type: 'history', since: at(2) });
      expect(page.frames.map(({ offset }) => offset)).toEqual([3, 4, 5]);
      expect(await alice.request({ type: 'history', since: at(5) })).toMatchObject({ code: 'not_found' });
    });

    it('RC6 lets a client go on from the cursor of a second joined', async () => {
      const { server, store } = await startFlaky();
      const { room, address, alice } = await filled(server, 4);
      const bob = await server.enter(room, freshUser('bob'));
      await shift(store, address, 4, alice);
      const second = await joinedIn(bob, room);
      await heard(bob, 'after the shift');
      const again = await server.visit(room, freshUser('bob'), { since: second.cursor });
      expect(again.joined).toMatchObject({ recovered: true, cursor: second.cursor });
      await heard(again.client, 'after the shift');
      expect(offsetsIn(again.client, room)).toEqual([5]);
    });
  });
});
