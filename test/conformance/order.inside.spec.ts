import { afterEach, describe, expect, it } from '@jest/globals';
import type { RealtimeOptions } from '../../src/index.js';
import { FlakyBroker } from '../../src/testing/index.js';
import { memoryBroker } from '../support/brokers.js';
import { freshRoom, freshUser, heard, offsetsIn, range, say, storedIn } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';

describe('order, from inside', () => {
  let chat: ChatServer | undefined;

  afterEach(() => chat?.close());

  async function start(options: RealtimeOptions = {}): Promise<ChatServer> {
    chat = await startChat(options);
    return chat;
  }

  describe('what is not stored', () => {
    it('OR2 has no offset, leaves no gap, and may leave out its sender', async () => {
      const server = await start();
      const room = freshRoom();
      const [alice, bob] = [await server.enter(room, freshUser('alice')), await server.enter(room, freshUser('bob'))];
      await say(alice, 'one');
      await alice.request({ type: 'typing' });
      expect((await say(alice, 'two')).offset).toBe(2);
      await Promise.all([heard(alice, 'two'), heard(bob, 'two')]);
      const typing = await bob.next('typing');
      expect(typing).toMatchObject({ type: 'typing', room, user: 'alice' });
      expect(typing).not.toHaveProperty('offset');
      await alice.expectNone('typing');
      expect(offsetsIn(bob, room)).toEqual([1, 2]);
    });

    it('OR2 leaves out the sending connection alone, not the user', async () => {
      const server = await start();
      const [room, sub] = [freshRoom(), freshUser()];
      const [one, two] = [await server.enter(room, sub), await server.enter(room, sub)];
      await one.request({ type: 'typing' });
      await two.next('typing');
      await say(one, 'marker');
      await one.expectNone('typing', () => heard(one, 'marker'));
    });

    it('OR2 is in no history and is never recovered', async () => {
      const server = await start();
      const room = freshRoom();
      const { client: alice, joined } = await server.visit(room, freshUser('alice'));
      await alice.request({ type: 'typing' });
      await server.realtime.to(`chat/${room}`).publish('cursor', { x: 1 }, { store: false });
      await say(alice, 'stored');
      const history = await alice.request<{ frames: unknown[] }>({ type: 'history' });
      expect(history.frames).toMatchObject([{ type: 'message', offset: 1 }]);
      const bob = await server.enter(room, freshUser('bob'), { since: joined.cursor });
      await bob.expectNone('typing', () => heard(bob, 'stored'));
      await bob.expectNone('cursor');
    });

    it('OR2 is decided by the server alone', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      expect((await say(client, 'hi', { store: false, except: 'everybody' })).offset).toBe(1);
      expect((await heard(client, 'hi')).offset).toBe(1);
    });
  });

  describe('one sender', () => {
    it('OR3 starts a handler when the one before it in the room has settled', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      server.probe.hold('message:first');
      client.send({ type: 'message', id: '1', text: 'first' });
      client.send({ type: 'message', id: '2', text: 'second' });
      await server.probe.made('message:first');
      await client.roundTrip();
      expect(server.probe.calls).not.toContain('message:second');
      server.probe.release('message:first');
      expect((await client.answer('1')).offset).toBe(1);
      expect((await client.answer('2')).offset).toBe(2);
    });

    it('OR3 goes on after a handler that failed', async () => {
      const server = await start();
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      client.send({ type: 'boom', id: '1' });
      client.send({ type: 'message', id: '2', text: 'second' });
      expect((await client.answer('1')).code).toBe('internal');
      expect((await client.answer('2')).offset).toBe(1);
    });

    it('OR3 holds up nobody but the sender, and no other room of the sender', async () => {
      const server = await start();
      const [room, other] = [freshRoom(), freshRoom()];
      const [slow, quick] = [await server.enter(room, freshUser()), await server.enter(room, freshUser())];
      await slow.request({ type: 'join', room: other });
      server.probe.hold('message:slow');
      slow.send({ type: 'message', id: 's', text: 'slow' });
      await server.probe.made('message:slow');
      expect((await say(quick, 'quick')).offset).toBe(1);
      expect((await say(slow, 'elsewhere', { room: other })).offset).toBe(1);
      server.probe.release('message:slow');
      expect((await slow.answer('s')).offset).toBe(2);
    });

    it('OR3 lets ping, pong, auth, history and presence never wait', async () => {
      const server = await start();
      const [room, sub] = [freshRoom(), freshUser()];
      const client = await server.enter(room, sub);
      server.probe.hold('message:slow');
      client.send({ type: 'message', id: 's', text: 'slow' });
      await server.probe.made('message:slow');
      await client.roundTrip();
      const token = server.token(sub, {}, { expiresInMs: 7_200_000 });
      expect((await client.request({ type: 'auth', token })).type).toBe('ack');
      expect((await client.request({ type: 'history' })).type).toBe('history');
      expect((await client.request({ type: 'presence' })).type).toBe('presence');
      server.probe.release('message:slow');
      expect((await client.answer('s')).type).toBe('ack');
    });

    it('OR3 keeps publishes pipelined: the next handler starts when the publish was handed to the broker', async () => {
      const flaky = new FlakyBroker(memoryBroker());
      const server = await start({ broker: flaky });
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      flaky.hang('publish');
      for (const n of range(1, 5)) client.send({ type: 'prompt', id: String(n), text: String(n) });
      await server.probe.made('prompt:5');
      flaky.heal();
      const acks = await Promise.all(range(1, 5).map((n) => client.answer(String(n))));
      expect(acks.map(({ offset }) => offset)).toEqual(range(1, 5));
      await heard(client, '5');
      expect(storedIn(client, room).map(({ text }) => text)).toEqual(['1', '2', '3', '4', '5']);
    });

    it('OR3 lets a decorated handler out of the order', async () => {
      const server = await start();
      const client = await server.enter(freshRoom(), freshUser());
      server.probe.hold('concurrent:slow');
      client.send({ type: 'concurrent', id: 's', text: 'slow' });
      client.send({ type: 'concurrent', id: 'q', text: 'quick' });
      expect((await client.answer('q')).offset).toBe(1);
      expect((await say(client, 'ordered')).offset).toBe(2);
      server.probe.release('concurrent:slow');
      expect((await client.answer('s')).offset).toBe(3);
    });

    it('OR3 counts a frame that was answered with a temporary error as sent when it is sent again', async () => {
      const flaky = new FlakyBroker(memoryBroker());
      const server = await start({ broker: flaky });
      const room = freshRoom();
      const client = await server.enter(room, freshUser());
      flaky.fail('publish', 1);
      client.send({ type: 'message', id: '1', text: 'first' });
      client.send({ type: 'message', id: '2', text: 'second' });
      expect(await client.answer('1')).toMatchObject({ type: 'error', code: 'unavailable' });
      expect((await client.answer('2')).offset).toBe(1);
      expect((await say(client, 'first', { id: '1' })).offset).toBe(2);
    });

    it('OR3 holds no frame of a handler that waits for ever back from other connections', async () => {
      const server = await start();
      const room = freshRoom();
      const stuck = await server.enter(room, freshUser());
      server.probe.hold('message:for ever');
      stuck.send({ type: 'message', text: 'for ever' });
      await server.probe.made('message:for ever');
      stuck.destroy();
      const other = await server.enter(room, freshUser());
      expect((await say(other, 'hi')).offset).toBe(1);
      server.probe.release('message:for ever');
    });
  });
});
