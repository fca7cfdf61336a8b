import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RealtimeOptions } from '../../src/index.js';
import type { PresenceFrame, SystemFrame } from '../../src/protocol/index.js';
import type { AnyFrame } from '../../src/testing/index.js';
import {
  freshRoom,
  freshUser,
  heard,
  joinedIn,
  named,
  offsetsIn,
  partsOf,
  range,
  say,
  sayMany,
  storedIn,
} from './chat.js';
import { startPods } from './pods.js';
import type { Pods } from './pods.js';
import { runSeam } from './seam.js';
import { boardOf, priced, pricesIn, quote, watch } from './ticker.js';

/** What makes pods share a broker, for one suite. */
export interface SharedBackend {
  /** Options that every pod gets, made anew for each. */
  readonly options: () => RealtimeOptions;
  close?(): Promise<void>;
}

/** The rules that hold across pods, for whatever the pods share. */
export function describePods(name: string, start: () => Promise<SharedBackend>): void {
  describe(`pods on ${name}`, () => {
    let backend: SharedBackend;
    let chat: Pods;

    beforeAll(async () => {
      backend = await start();
      chat = await startPods(3, backend.options, { messagesPerSecond: 0, historySize: 100_000, leaveGraceMs: 1_500 });
    }, 60_000);
    afterEach(() => chat.cleanUp());
    afterAll(async () => {
      await chat?.close();
      await backend?.close?.();
    });

    const about = (userId: string, event: string): ((frame: AnyFrame) => boolean) =>
      named(
        `system ${event} of ${userId}`,
        (frame) => frame.type === 'system' && frame['event'] === event && frame['userId'] === userId,
      );

    it('OR1 shows every member on every pod the same frames in one order', async () => {
      const room = freshRoom();
      const clients = await Promise.all(range(0, 5).map((pod) => chat.enter(room, freshUser(), { pod })));
      await Promise.all(clients.map((client) => sayMany(client, 50)));
      await say(clients[0]!, 'marker');
      await Promise.all(clients.map((client) => heard(client, 'marker')));
      const orders = clients.map((client) => storedIn(client, room).map(({ id }) => id));
      for (const client of clients) expect(offsetsIn(client, room)).toEqual(range(1, 301));
      for (const order of orders) expect(order).toEqual(orders[0]);
    });

    it('OR1 orders what servers publish with what clients say', async () => {
      const room = freshRoom();
      const clients = await Promise.all(range(0, 2).map((pod) => chat.enter(room, freshUser(), { pod })));
      const publish = async (realtime: Pods['worker']['realtime']): Promise<void> => {
        for (const n of range(1, 40)) await realtime.to(`chat/${room}`).publish('notice', { n });
      };
      await Promise.all([
        ...clients.map((client) => sayMany(client, 40)),
        ...chat.pods.map((pod) => publish(pod.realtime)),
        publish(chat.worker.realtime),
      ]);
      await say(clients[0]!, 'marker');
      await Promise.all(clients.map((client) => heard(client, 'marker')));
      for (const client of clients) expect(offsetsIn(client, room)).toEqual(range(1, 281));
    });

    it('OR3 stores the frames of one connection in the order sent', async () => {
      const room = freshRoom();
      const [sender, reader] = [await chat.enter(room, freshUser()), await chat.enter(room, freshUser(), { pod: 1 })];
      for (const n of range(1, 200)) sender.send({ type: 'message', text: `n${n}` });
      await heard(reader, 'n200');
      expect(storedIn(reader, room).map((frame) => frame['text'])).toEqual(range(1, 200).map((n) => `n${n}`));
    });

    it('FR6 gives members on every pod the same bytes', async () => {
      const room = freshRoom();
      const clients = await Promise.all(range(0, 2).map((pod) => chat.enter(room, freshUser(), { pod })));
      for (const text of ['plain', 'ünïcödé 🎉 \u2028 "quotes" \\', 'x'.repeat(50_000)]) {
        await say(clients[0]!, text);
        const texts = await Promise.all(clients.map(async (client) => client.textOf(await heard(client, text))));
        expect(new Set(texts).size).toBe(1);
      }
    });

    it('CL2 knows the ids of a user on every pod', async () => {
      const [room, sub] = [freshRoom(), freshUser()];
      const clients = await Promise.all(range(0, 2).map((pod) => chat.enter(room, sub, { pod })));
      const id = randomUUID();
      const acks = await Promise.all(clients.map((client) => say(client, 'hi', { id })));
      expect(acks.map(({ offset }) => offset)).toEqual([1, 1, 1]);
      expect((await say(clients[1]!, 'next')).offset).toBe(2);
    });

    it('CL4 counts and lists the users of all pods, each once', async () => {
      const [room, sub] = [freshRoom(), freshUser()];
      const clients = await Promise.all(range(0, 2).map((pod) => chat.enter(room, sub, { pod })));
      await chat.enter(room, freshUser(), { pod: 1 });
      const presence = await clients[2]!.request<PresenceFrame>({ type: 'presence' });
      expect(presence).toMatchObject({ count: 2, complete: true });
      expect(presence.users).toHaveLength(2);
      expect(await chat.worker.realtime.to(`chat/${room}`).members()).toBe(2);
      const { joined } = await chat.visit(room, freshUser(), { pod: 2 });
      expect(joined.members).toBe(3);
    });

    it('RC1 recovers on another pod, also on one that did not know the room', async () => {
      const room = freshRoom();
      const first = await chat.visit(room, freshUser());
      await sayMany(first.client, 20);
      const { epoch } = partsOf(first.joined.cursor);
      for (const pod of [1, 2]) {
        const { client, joined } = await chat.visit(room, freshUser(), { pod, since: `${epoch}.7` });
        expect(joined).toMatchObject({ recovered: true, cursor: `${epoch}.7` });
        await client.take(13, 'message');
        expect(offsetsIn(client, room)).toEqual(range(8, 20));
      }
    });

    it('RC2 is the same on every pod', async () => {
      const room = freshRoom();
      const first = await chat.visit(room, freshUser());
      await sayMany(first.client, 3);
      const { epoch } = partsOf(first.joined.cursor);
      for (const since of [`${epoch}.4`, 'nowhere.1', 'garbage']) {
        const { joined } = await chat.visit(room, freshUser(), { pod: 1, since });
        expect(joined).toMatchObject({ recovered: false, cursor: `${epoch}.3` });
      }
    });

    it('RC1 loses and repeats nothing in a hundred cuts from pod to pod, with a writer on each', async () => {
      const { published } = await runSeam({ urls: chat.urls, mint: (sub) => chat.token(sub), cuts: 100 });
      expect(published).toBeGreaterThan(100);
    }, 90_000);

    it('FR7 reaches the connections of a user on every pod, from a process without a gateway', async () => {
      const sub = freshUser();
      const clients = await Promise.all(range(0, 2).map((pod) => chat.lobby(sub, { pod })));
      for (const client of clients) await joinedIn(client, '@me');
      await chat.worker.realtime.user(sub).publish('notice', { text: 'for you' });
      const texts = await Promise.all(clients.map(async (client) => client.textOf(await client.next('notice'))));
      expect(new Set(texts).size).toBe(1);
    });

    it('OR2 reaches every pod, and leaves out the sending connection alone', async () => {
      const [room, sub] = [freshRoom(), freshUser()];
      const [one, two] = [await chat.enter(room, sub), await chat.enter(room, sub, { pod: 1 })];
      await one.request({ type: 'typing' });
      expect(await two.next('typing')).not.toHaveProperty('offset');
      await say(two, 'marker');
      await one.expectNone('typing', () => heard(one, 'marker'));
    });

    it('OR4 lets members on every pod end with the newest of each key, the same for who comes later', async () => {
      const room = freshRoom();
      const clients = await Promise.all(range(0, 2).map(async (pod) => (await watch(chat, room, { pod })).client));
      const publish = async (realtime: Pods['worker']['realtime'], from: number): Promise<void> => {
        for (const n of range(from, from + 199)) await quote(realtime, room, `s${n % 7}`, n);
      };
      await Promise.all([...chat.pods, chat.worker].map(({ realtime }, i) => publish(realtime, i * 1_000)));
      await quote(chat.worker.realtime, room, 'marker', -1);
      await Promise.all(clients.map((client) => priced(client, -1)));
      const { client: late } = await watch(chat, room, { pod: 1 });
      await priced(late, -1);
      expect(Object.keys(boardOf(late))).toHaveLength(8);
      for (const client of clients) {
        expect(boardOf(client)).toEqual(boardOf(late));
        expect(pricesIn(client)).toEqual(pricesIn(clients[0]!));
      }
    });

    it('CN3 announces nobody who is still there on another pod, and each leave once, on every pod', async () => {
      const [room, bobId, carolId] = [freshRoom(), freshUser('bob'), freshUser('carol')];
      const watchers = await Promise.all(range(0, 2).map((pod) => chat.enter(room, freshUser(), { pod })));
      const bobs = [await chat.enter(room, bobId), await chat.enter(room, bobId, { pod: 1 })];
      const carol = await chat.enter(room, carolId, { pod: 2 });
      await bobs[0]!.close(1000);
      await carol.close(1000);
      for (const watcher of watchers) {
        await watcher.expectNone(about(bobId, 'left'), () => watcher.next(about(carolId, 'left')));
      }
      const daveId = freshUser('dave');
      const dave = await chat.enter(room, daveId);
      await bobs[1]!.close(1000);
      for (const watcher of watchers) {
        expect(await watcher.next<SystemFrame>(about(bobId, 'left'))).toMatchObject({ members: 4, user: 'bob' });
      }
      await dave.close(1000);
      for (const watcher of watchers) {
        await watcher.expectNone(about(bobId, 'left'), () => watcher.next(about(daveId, 'left')));
      }
    });

    it('CN3 announces nobody who comes back to another pod within the grace', async () => {
      const [room, bobId, carolId] = [freshRoom(), freshUser('bob'), freshUser('carol')];
      const alice = await chat.enter(room, freshUser('alice'));
      const bob = await chat.enter(room, bobId, { pod: 1 });
      await alice.next(about(bobId, 'joined'));
      bob.destroy();
      await chat.enter(room, bobId, { pod: 2 });
      const carol = await chat.enter(room, carolId, { pod: 1 });
      carol.destroy();
      // Carol's grace began after Bob's.
      await alice.expectNone(about(bobId, 'left'), () => alice.next(about(carolId, 'left')));
      await alice.expectNone(about(bobId, 'joined'));
    });

    it('CN3 announces those of a pod that ended who did not come back elsewhere, each once', async () => {
      const own = await startPods(2, backend.options, { leaveGraceMs: 1_500, heartbeatMs: 0 });
      try {
        const [room, bobId, carolId] = [freshRoom(), freshUser('bob'), freshUser('carol')];
        const alice = await own.enter(room, freshUser('alice'), { pod: 1 });
        const bob = await own.enter(room, bobId);
        const carol = await own.enter(room, carolId);
        await alice.next(about(carolId, 'joined'));
        const ended = own.pod(0).server.close();
        expect(await bob.closed()).toEqual({ code: 1001, reason: 'going_away' });
        expect(await carol.closed()).toEqual({ code: 1001, reason: 'going_away' });
        await own.enter(room, bobId, { pod: 1 });
        await ended;
        expect(await alice.next<SystemFrame>(about(carolId, 'left'), 20_000)).toMatchObject({ members: 2 });
        const daveId = freshUser('dave');
        const dave = await own.enter(room, daveId, { pod: 1 });
        await dave.close(1000);
        await alice.expectNone(about(bobId, 'left'), () => alice.next(about(daveId, 'left')));
        await alice.expectNone(about(carolId, 'left'));
      } finally {
        await own.close();
      }
    }, 60_000);

    it('CN6 kicks a user from every pod, from any process', async () => {
      const [room, sub] = [freshRoom(), freshUser()];
      for (const realtime of [chat.pod(0).realtime, chat.worker.realtime]) {
        const byPath = await chat.enter(room, sub, { pod: 1 });
        const byFrame = await chat.lobby(sub, { pod: 2 });
        await byFrame.request({ type: 'join', room });
        const other = await chat.enter(room, freshUser(), { pod: 1 });
        await realtime.to(`chat/${room}`).kick(sub);
        expect(await byPath.next('left')).toEqual({ type: 'left', room, reason: 'kicked' });
        expect(await byPath.closed()).toEqual({ code: 4501, reason: 'kicked' });
        expect(await byFrame.next('left')).toEqual({ type: 'left', room, reason: 'kicked' });
        expect(byFrame.isOpen).toBe(true);
        await say(other, 'still here');
      }
    });

    it('CN6 refuses whoever is kicked for a time on every pod, from the moment the call resolves', async () => {
      const [room, sub] = [freshRoom(), freshUser()];
      const client = await chat.lobby(sub, { pod: 1 });
      await chat.worker.realtime.to(`chat/${room}`).kick(sub, { forMs: 60_000 });
      expect(await client.request({ type: 'join', room })).toMatchObject({ code: 'forbidden' });
      for (const pod of [0, 1, 2]) {
        const refused = await chat.connect(room, sub, { pod, tokenBy: 'subprotocol' });
        expect(await refused.closed()).toEqual({ code: 1008, reason: 'forbidden' });
      }
    });

    it('CN6 disconnects a user on every pod', async () => {
      const sub = freshUser();
      const clients = await Promise.all(range(0, 2).map((pod) => chat.enter(freshRoom(), sub, { pod })));
      await chat.worker.realtime.user(sub).disconnect({ forMs: 60_000 });
      for (const client of clients) expect(await client.closed()).toEqual({ code: 4501, reason: 'kicked' });
      const refused = await chat.connect(freshRoom(), sub, { pod: 1, tokenBy: 'subprotocol' });
      expect((await refused.closed()).code).toBe(1008);
    });
  });
}
