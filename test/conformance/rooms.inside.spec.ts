import { afterEach, describe, expect, it } from '@jest/globals';
import type { RealtimeOptions } from '../../src/index.js';
import type { HistoryFrame, PresenceFrame } from '../../src/protocol/index.js';
import { FlakyBroker, TestClient } from '../../src/testing/index.js';
import { memoryBroker } from '../support/brokers.js';
import { freshRoom, freshUser, heard, partsOf, range, say, sayMany } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';

describe('rooms, from inside', () => {
  let chat: ChatServer | undefined;

  afterEach(() => chat?.close());

  async function start(options: RealtimeOptions = {}): Promise<ChatServer> {
    chat = await startChat(options);
    return chat;
  }

  describe('join and leave', () => {
    it('CL3 still processes what came before a leave, also where it takes its time', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      server.probe.hold('message:slow');
      client.send({ type: 'message', id: 's', text: 'slow' });
      client.send({ type: 'leave', id: 'l', room });
      client.send({ type: 'message', id: 'a', text: 'after' });
      await server.probe.made('message:slow');
      server.probe.release('message:slow');
      expect(await client.answer('s')).toMatchObject({ type: 'ack', offset: 1 });
      expect(await client.answer('l')).toMatchObject({ type: 'left' });
      expect(await client.answer('a')).toMatchObject({ code: 'not_in_room' });
      expect(server.probe.calls).not.toContain('message:after');
    });

    it('CL3 lets frames wait as long as the join takes, and those to other rooms pass', async () => {
      const flaky = new FlakyBroker(memoryBroker());
      const server = await start({ broker: flaky });
      const [room, other] = [freshRoom(), freshRoom()];
      const client = await server.enter(other, freshUser());
      flaky.hang('subscribe');
      client.send({ type: 'join', id: 'j', room });
      client.send({ type: 'message', id: 'm', room, text: 'waits' });
      await say(client, 'passes', { room: other });
      expect(server.probe.calls).not.toContain('message:waits');
      flaky.heal();
      expect((await client.answer('j')).type).toBe('joined');
      expect(await client.answer('m')).toMatchObject({ type: 'ack', offset: 1 });
    });

    it('FR1 lets frames wait while the way into the room of the path takes its time, and loses none', async () => {
      const flaky = new FlakyBroker(memoryBroker());
      const server = await start({ broker: flaky });
      const room = freshRoom();
      flaky.hang('subscribe');
      const client = await server.connect(room, freshUser());
      await client.next('welcome');
      for (const n of range(1, 20)) client.send({ type: 'message', id: `m${n}`, text: String(n) });
      const other = await TestClient.refusal(server.url, { path: '/ws/nobody' });
      expect(other.status).toBe(404);
      expect(server.probe.calls).toEqual([]);
      flaky.heal();
      const acks = await Promise.all(range(1, 20).map((n) => client.answer(`m${n}`)));
      expect(acks.map(({ offset }) => offset)).toEqual(range(1, 20));
    });

    it('CL3 answers what waited for a join that failed with not_in_room, and runs no handler', async () => {
      const flaky = new FlakyBroker(memoryBroker());
      const server = await start({ broker: flaky });
      const room = freshRoom();
      const client = await server.lobby(freshUser());
      flaky.fail('subscribe', 1);
      client.send({ type: 'join', id: 'j', room });
      client.send({ type: 'message', id: 'm', room, text: 'waits' });
      expect(await client.answer('j')).toMatchObject({ type: 'error', code: 'unavailable' });
      expect(await client.answer('m')).toMatchObject({ type: 'error', code: 'not_in_room' });
      expect(server.probe.calls).not.toContain('message:waits');
      expect((await client.request({ type: 'join', room })).type).toBe('joined');
    });

    it('CL3 lets nobody into more rooms than the welcome says', async () => {
      const server = await start({ maxRoomsPerConnection: 3 });
      const room = freshRoom();
      const { client, welcome } = await server.visit(room, freshUser());
      expect(welcome.limits.rooms).toBe(3);
      let joined = 1;
      for (const next of range(1, 5).map(() => freshRoom())) {
        const answer = await client.request({ type: 'join', room: next });
        if (answer.type === 'joined') joined += 1;
        else expect(answer).toMatchObject({ type: 'error', code: 'too_many_rooms' });
      }
      expect(joined).toBe(3);
      await client.request({ type: 'leave', room });
      expect((await client.request({ type: 'join', room: freshRoom() })).type).toBe('joined');
    });

    it('CL3 keeps rooms of the same name in different namespaces apart', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      await server.realtime.to(`elsewhere/${room}`).publish('message', { text: 'foreign' });
      expect((await say(client, 'own')).offset).toBe(1);
      await heard(client, 'own');
      await client.expectNone('message');
    });

    it('CL3 leaves nobody behind in the registry, whatever way they go', async () => {
      const server = await start({ leaveGraceMs: 0 });
      const room = freshRoom();
      const clients = await Promise.all(range(1, 4).map(() => server.enter(room, freshUser())));
      const watcher = await server.enter(freshRoom(), freshUser());
      await clients[0]!.request({ type: 'leave', room });
      await clients[1]!.close(1000);
      clients[2]!.destroy();
      const who = await clients[3]!.request<{ data: { id: string } }>({ type: 'who' });
      await server.realtime.to(`chat/${room}`).kick(who.data.id);
      await clients[3]!.closed();
      while (server.registry.members(`chat/${room}`).length > 0) await watcher.roundTrip();
      expect(server.registry.rooms().map(({ address }) => address)).not.toContain(`chat/${room}`);
    });
  });

  describe('history', () => {
    const ask = (client: Awaited<ReturnType<ChatServer['enter']>>, more: Record<string, unknown> = {}) =>
      client.request<HistoryFrame>({ type: 'history', ...more });

    it('CL4 gives at most 256 KiB, and a cursor to go on from, both ways', async () => {
      const server = await start({ messagesPerSecond: 0 });
      const room = freshRoom();
      const { client, joined } = await server.visit(room, freshUser());
      const { epoch } = partsOf(joined.cursor);
      for (const n of range(1, 12)) await say(client, `${n} ${'x'.repeat(60_000)}`);
      const up: number[] = [];
      for (let since = joined.cursor, complete = false; !complete;) {
        const page = await ask(client, { since, limit: 100 });
        expect(client.textOf(page).length).toBeLessThanOrEqual(256 * 1024);
        expect(page.frames.length).toBeGreaterThan(0);
        up.push(...page.frames.map(({ offset }) => offset ?? 0));
        ({ cursor: since, complete } = page);
      }
      expect(up).toEqual(range(1, 12));
      const newest = await ask(client, { limit: 100 });
      expect(client.textOf(newest).length).toBeLessThanOrEqual(256 * 1024);
      expect(newest.frames.at(-1)?.offset).toBe(12);
      expect(newest).toMatchObject({ complete: false, cursor: `${epoch}.${(newest.frames[0]?.offset ?? 0) - 1}` });
    });

    it('CL4 starts at the oldest retained frame where older ones are gone', async () => {
      const server = await start({ historySize: 5 });
      const room = freshRoom();
      const { client, joined } = await server.visit(room, freshUser());
      await sayMany(client, 12);
      const page = await ask(client, { since: joined.cursor });
      expect(page.frames.map(({ offset }) => offset)).toEqual(range(8, 12));
      expect(page.complete).toBe(true);
      const { epoch } = partsOf(joined.cursor);
      expect(await ask(client, { before: `${epoch}.9` })).toMatchObject({
        frames: [{ offset: 8 }, { offset: 9 }],
        cursor: `${epoch}.7`,
        complete: true,
      });
      expect(await ask(client, { before: `${epoch}.3` })).toMatchObject({
        frames: [],
        cursor: `${epoch}.3`,
        complete: true,
      });
    });

    it('CL4 goes on numbering after the history was cleared', async () => {
      const server = await start();
      const room = freshRoom();
      const { client, joined } = await server.visit(room, freshUser());
      await sayMany(client, 3);
      await server.realtime.to(`chat/${room}`).clearHistory();
      expect(await ask(client)).toMatchObject({ frames: [], complete: true });
      expect((await say(client, 'next')).offset).toBe(4);
      const page = await ask(client, { since: joined.cursor });
      expect(page.frames.map(({ offset }) => offset)).toEqual([4]);
    });

    it('CL4 gives the server API the same frames', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      await sayMany(client, 5);
      const page = await ask(client, { limit: 3 });
      const { frames, cursor, complete } = await server.realtime.to(`chat/${room}`).history({ limit: 3 });
      expect({ frames, cursor, complete }).toEqual({
        frames: page.frames,
        cursor: page.cursor,
        complete: page.complete,
      });
    });

    it('CL4 lists at most 100 users at a time', async () => {
      const server = await start({ announceUpTo: 1 });
      const room = freshRoom();
      const clients = await Promise.all(range(1, 120).map(() => server.enter(room, freshUser())));
      const client = clients[0]!;
      const first = await client.request<PresenceFrame>({ type: 'presence' });
      expect(first).toMatchObject({ count: 120, complete: false });
      expect(first.users).toHaveLength(100);
      const second = await client.request<PresenceFrame>({ type: 'presence', after: first.users.at(-1)?.id });
      expect(second).toMatchObject({ count: 120, complete: true });
      expect(second.users).toHaveLength(20);
      expect(new Set([...first.users, ...second.users].map(({ id }) => id)).size).toBe(120);
    });
  });
});
