import { describe, expect, it } from '@jest/globals';
import { isUuid } from '../protocol/index.js';
import type { OutboxStorage, StoredSend } from './outbox-storage.js';
import { outcome, say, setUpClient, setUpJoined, texts } from './realtime-client.double.js';
import type { RestoredSend } from './room-events.js';

describe('RealtimeClient, what it sends', () => {
  it('resolves at the ack, with the offset', async () => {
    const { room, socket } = await setUpJoined();
    const sent = room.send('message', { text: 'hi' });
    const [frame] = socket.sentOf('message');
    expect(frame).toEqual({ type: 'message', id: expect.any(String), room: 'general', text: 'hi' });
    expect(isUuid(String(frame?.['id']))).toBe(true);
    socket.ack(frame, 7);
    expect(await sent).toEqual({ offset: 7, data: undefined });
  });

  it('CL2 sends under an id of the application’s own choice', async () => {
    const { room, socket } = await setUpJoined();
    void room.send('message', { text: 'hi' }, { id: 'mine' });
    expect(socket.sentOf('message')).toMatchObject([{ id: 'mine', text: 'hi' }]);
  });

  it('does not take a frame that carries the id for its ack', async () => {
    const { room, socket } = await setUpJoined();
    const seen = texts(room);
    const sent = outcome(room.send('message', { text: 'hi' }));
    const [frame] = socket.sentOf('message');
    socket.receive(say(1, { id: frame?.['id'], text: 'hi' })).ack(frame, 1);
    expect([await sent, seen]).toEqual(['ok 1', ['hi']]);
  });

  it('FR3 lets no payload set the fields of the protocol; what is no object travels as data', async () => {
    const { room, socket } = await setUpJoined();
    void room.send('message', { type: 'join', room: 'secret', id: 'mine', text: 'hi' });
    void room.send('move', [1, 2]);
    void room.send('poke', undefined);
    expect(socket.sent.slice(1)).toMatchObject([
      { type: 'message', room: 'general', text: 'hi' },
      { type: 'move', data: [1, 2] },
      { type: 'poke' },
    ]);
    expect(socket.sent[1]?.['id']).not.toBe('mine');
  });

  it('waits for the room to be joined, also after a cut: resuming goes first', async () => {
    const { room, socket, cut } = await setUpJoined();
    void room.send('message', { text: 'a' });
    void room.send('message', { text: 'b' });
    socket.ack(socket.sentOf('message')[0], 1);
    const second = await cut();
    void room.send('message', { text: 'c' });
    expect(second.sentOf('message')).toEqual([]);
    second.joined('general', 'e.0', { recovered: true });
    expect(second.sentOf('message').map(({ text }) => text)).toEqual(['b', 'c']);
    expect(second.sentOf('message')[0]?.['id']).toBe(socket.sentOf('message')[1]?.['id']);
  });

  it('keeps rooms apart: one that waits holds up no other', async () => {
    const { client, network } = setUpClient();
    void client.room('slow').send('message', { text: 'waits' });
    void client.room('general').send('message', { text: 'goes' });
    const socket = (await network.socket(1)).welcome().joined('general', 'e.0');
    expect(socket.sentOf('message')).toMatchObject([{ room: 'general', text: 'goes' }]);
  });

  it('CL7 paces itself by the limits of the welcome, joins included, and drains 2,000 sends', async () => {
    const { client, clock, network } = setUpClient();
    const room = client.room('general');
    const results = Array.from({ length: 2_000 }, (_, index) => room.send('message', { index }));
    const socket = (await network.socket(1)).welcome({ limits: { framesPerSecond: 50, burst: 100, rooms: 0 } });
    socket.joined('general', 'e.0');
    expect(socket.sent).toHaveLength(90);
    let acknowledged = 0;
    for (let second = 0; second < 60; second += 1) {
      for (const frame of socket.sentOf('message').slice(acknowledged)) socket.ack(frame, ++acknowledged);
      const before = socket.sent.length;
      clock.advance(1_000);
      socket.receive({ type: 'ping' });
      expect(socket.sent.length - before).toBeLessThanOrEqual(50);
    }
    const offsets = (await Promise.all(results)).map(({ offset }) => offset);
    expect(offsets).toEqual(Array.from({ length: 2_000 }, (_, index) => index + 1));
  });

  it('asks a new connection only for what it needs, not for what the old one still had to ask', async () => {
    const { client, clock, network } = setUpClient();
    for (const name of ['a', 'b', 'c']) client.room(name);
    const slow = { limits: { framesPerSecond: 1, burst: 1, rooms: 0 } };
    const first = (await network.socket(1)).welcome(slow);
    expect(first.sentOf('join')).toHaveLength(1);
    first.end();
    clock.advance(250);
    const second = (await network.socket(2)).welcome(slow);
    for (const name of ['a', 'b', 'c']) {
      second.joined(name, 'e.0');
      clock.advance(2_000);
    }
    expect(second.sentOf('join').map(({ room }) => room)).toEqual(['a', 'b', 'c']);
  });

  it('sends in turn for its rooms', async () => {
    const { client, clock, network } = setUpClient();
    for (const name of ['a', 'b']) for (const n of [1, 2]) void client.room(name).send('message', { text: name + n });
    const socket = (await network.socket(1)).welcome({ limits: { framesPerSecond: 2, burst: 4, rooms: 0 } });
    socket.joined('a', 'e.0').joined('b', 'f.0');
    for (let n = 0; n < 4; n += 1) {
      clock.advance(1_000);
      socket.ack(socket.sentOf('message').at(-1), 1);
    }
    expect(socket.sentOf('message').map(({ text }) => text)).toEqual(['a1', 'b1', 'a2', 'b2']);
  });

  it('CL6 rejects what is too large for the server, and sends nothing of it', async () => {
    const { client, network } = setUpClient();
    const room = client.room('general');
    const socket = (await network.socket(1)).welcome({ maxFrameBytes: 200 }).joined('general', 'e.0');
    expect(await outcome(room.send('message', { text: 'é'.repeat(100) }))).toBe('too_big');
    expect(socket.sentOf('message')).toEqual([]);
  });

  it('rejects a payload that is no JSON', async () => {
    const { room } = await setUpJoined();
    await expect(room.send('message', { big: 1n })).rejects.toThrow(TypeError);
  });

  it('rejects above its outbox limit', async () => {
    const { client } = setUpClient({ outbox: { limit: 1 } });
    void client.room('general').send('message', {});
    expect(await outcome(client.room('general').send('message', {}))).toBe('outbox_full');
  });

  it('rejects what waits when the connection is refused for good: nothing waits in vain', async () => {
    const { client, network, clock } = setUpClient({ token: 'the only one' });
    const waiting = outcome(client.room('general').send('message', {}));
    (await network.socket(1)).end(1008, 'unauthenticated');
    expect(await waiting).toBe('disconnected');
    expect(await outcome(client.room('general').send('message', {}))).toBe('disconnected');
    expect(await outcome(client.room('other').send('message', {}))).toBe('disconnected');
    clock.advance(250);
    client.connect();
    const later = outcome(client.room('general').send('message', {}));
    const socket = (await network.socket(2)).welcome().joined('general', 'e.0');
    socket.ack(socket.sentOf('message')[0], 1);
    expect(await later).toBe('ok 1');
  });

  it('rejects what was sent and not answered as outcome_unknown when it is closed', async () => {
    const { client, room } = await setUpJoined();
    const sent = outcome(room.send('message', {}));
    client.close();
    expect(await sent).toBe('outcome_unknown');
  });
});

describe('RealtimeClient, what could be mistaken', () => {
  it('CL2 gives each of two rooms the answer to its own frame under one id', async () => {
    const { client, network } = setUpClient();
    const [a, b] = ['a', 'b'].map((name) => outcome(client.room(name).send('message', {}, { id: 'X' })));
    const socket = (await network.socket(1)).welcome().joined('a', 'e.0').joined('b', 'f.0');
    socket.receive({ type: 'ack', id: 'X', offset: 7 });
    socket.receive({ type: 'error', code: 'forbidden', message: 'no', id: 'X', room: 'b' });
    expect([await a, await b]).toEqual(['ok 7', 'forbidden']);
  });

  it.each(['presence', 'leave', 'ping', 'ack'])('refuses to send %s: the protocol has it', async (type) => {
    const { room, socket } = await setUpJoined();
    await expect(room.send(type, {})).rejects.toThrow(TypeError);
    await expect(room.send(type, {}, { volatile: true })).rejects.toThrow(TypeError);
    expect(socket.sentOf(type)).toEqual([]);
  });

  it.each(['', 'x'.repeat(65)])('refuses an id that the server could not answer: %j', async (id) => {
    const { room } = await setUpJoined();
    await expect(room.send('message', {}, { id })).rejects.toThrow(TypeError);
  });

  it('CL6 takes what may be small enough for a server that did not say yet what it takes', async () => {
    const { client, network } = setUpClient();
    const sent = outcome(client.room('general').send('message', { text: 'x'.repeat(100_000) }));
    const socket = (await network.socket(1)).welcome({ maxFrameBytes: 1_048_576 }).joined('general', 'e.0');
    socket.ack(socket.sentOf('message')[0], 1);
    expect(await sent).toBe('ok 1');
  });

  it('CL7 goes on with other rooms while the handler of one does not answer', async () => {
    const { client, clock, network } = setUpClient();
    const [slow, other] = [client.room('slow'), client.room('other')];
    const limits = { framesPerSecond: 20, burst: 40, rooms: 0 };
    const socket = (await network.socket(1)).welcome({ limits, heartbeatMs: 0 });
    socket.joined('slow', 'e.0').joined('other', 'f.0');
    clock.advance(60_000);
    for (let n = 0; n < 36; n += 1) void outcome(slow.send('message', { n }));
    const sent = outcome(other.send('message', { text: 'goes' }));
    expect(socket.sentOf('message')).toHaveLength(36);
    const [ping] = socket.sentOf('ping');
    socket.receive({ type: 'pong', id: ping?.['id'] });
    clock.advance(1_000);
    expect(socket.sentOf('message').at(-1)).toMatchObject({ room: 'other', text: 'goes' });
    socket.ack(socket.sentOf('message').at(-1), 1);
    expect(await sent).toBe('ok 1');
  });

  it('CL3 leaves before whoever hears of it joins again', async () => {
    const { client, room, socket } = await setUpJoined();
    room.on('left', () => client.room('general'));
    void room.leave();
    expect(socket.sent.map(({ type }) => type)).toEqual(['join', 'leave', 'join']);
  });

  it('settles a leave also where whoever hears of it closes', async () => {
    const { client, room } = await setUpJoined();
    room.on('left', () => client.close());
    await room.leave();
    expect(client.state).toMatchObject({ status: 'disconnected' });
  });

  it('FR7 begins the user’s own room where its frames are by the time it is opened', async () => {
    const { client, network } = setUpClient();
    client.connect();
    const socket = (await network.socket(1)).welcome();
    socket.receive({ type: 'joined', room: '@me', cursor: 'e.5', members: 1 });
    for (const offset of [6, 7, 8]) socket.receive(say(offset, { room: '@me' }));
    const mine = client.room('@me');
    const seen = texts(mine);
    expect(mine.cursor).toBe('e.8');
    socket.receive(say(9, { room: '@me' }));
    expect(seen).toEqual(['text 9']);
  });
});

describe('RealtimeClient, sends that only matter now', () => {
  it('leave at once, without an id, before what waits', async () => {
    const { room, socket } = await setUpJoined();
    expect(await room.send('typing', { on: true }, { volatile: true })).toEqual({});
    expect(socket.sent.at(-1)).toEqual({ type: 'typing', room: 'general', on: true });
  });

  it('are forgotten where there is no connection, no membership yet, or no pace left', async () => {
    const { client, network, clock } = setUpClient();
    const room = client.room('general');
    const typing = () => room.send('typing', {}, { volatile: true });
    expect(await typing()).toEqual({ dropped: true });
    const socket = (await network.socket(1)).welcome({ limits: { framesPerSecond: 10, burst: 2, rooms: 0 } });
    expect(await typing()).toEqual({ dropped: true });
    socket.joined('general', 'e.0');
    expect(await typing()).toEqual({ dropped: true }); // The join took what the burst had.
    clock.advance(200);
    expect(await typing()).toEqual({});
    socket.end();
    expect(await typing()).toEqual({ dropped: true });
    expect(socket.sentOf('typing')).toHaveLength(1);
    clock.advance(250);
    const next = (await network.socket(2)).welcome().joined('general', 'e.0', { recovered: true });
    expect(next.sentOf('typing')).toEqual([]);
  });

  it('reject where they are too large or the room was left', async () => {
    const { room } = await setUpJoined();
    await expect(room.send('cursor', 'x'.repeat(70_000), { volatile: true })).rejects.toMatchObject({
      code: 'too_big',
    });
    void room.leave();
    await expect(room.send('cursor', {}, { volatile: true })).rejects.toMatchObject({ code: 'left' });
  });
});

describe('RealtimeClient, over a reload of the page', () => {
  function keep(sends: StoredSend[]) {
    const kept = new Map(sends.map((send) => [send.id, send]));
    const storage: OutboxStorage = {
      load: () => [...kept.values()],
      put: (send) => void kept.set(send.id, send),
      remove: ({ id }) => void kept.delete(id),
    };
    return { kept, storage };
  }
  const stored = (id: string, room: string, more: Partial<StoredSend> = {}): StoredSend => ({
    id,
    room,
    text: JSON.stringify({ type: 'message', id, room, text: `text of ${id}` }),
    ...more,
  });

  it('sends again, under its id and before anything new, what the page before had not got acknowledged', async () => {
    const { kept, storage } = keep([stored('a', 'general'), stored('x', 'other'), stored('b', 'general')]);
    const { client, network } = setUpClient({ outbox: { storage } });
    const room = client.room('general');
    const restored: RestoredSend[] = [];
    room.on('restored', (send) => restored.push(send));
    void room.send('message', { text: 'new' }, { id: 'c' });
    const socket = (await network.socket(1)).welcome().joined('general', 'e.0');
    expect(socket.sentOf('message').map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    expect(restored.map(({ id, frame }) => [id, frame['text']])).toEqual([
      ['a', 'text of a'],
      ['b', 'text of b'],
    ]);
    socket.ack(socket.sentOf('message')[0], 1);
    expect(await outcome(restored[0]!.result)).toBe('ok 1');
    expect([...kept.keys()].toSorted()).toEqual(['b', 'c', 'x']);
    client.room('other');
    socket.joined('other', 'f.0');
    expect(socket.sentOf('message').at(-1)).toMatchObject({ id: 'x', room: 'other' });
  });

  it('tells what becomes of them, and is silent where nobody asked', async () => {
    const { storage } = keep([stored('a', 'general', { user: 'somebody else' })]);
    const { client, network } = setUpClient({ outbox: { storage } });
    const restored: RestoredSend[] = [];
    client.room('general').on('restored', (send) => restored.push(send));
    const socket = (await network.socket(1)).welcome().joined('general', 'e.0');
    expect(await outcome(restored[0]!.result)).toBe('other_user');
    expect(socket.sentOf('message')).toEqual([]);
  });

  it('CL2 keeps an anonymous user’s sends, whose id is another one each time', async () => {
    const { client, network, clock } = setUpClient();
    const room = client.room('general');
    void room.send('message', {}, { id: 'a' });
    const user = (id: string) => ({ user: { id, name: 'anonymous' } });
    (await network.socket(1)).welcome(user('anon-1')).joined('general', 'e.0').end();
    clock.advance(250);
    const second = (await network.socket(2)).welcome(user('anon-2')).joined('general', 'e.0', { recovered: true });
    expect(second.sentOf('message').map(({ id }) => id)).toEqual(['a']);
  });
});

describe('RealtimeClient, a token that ends', () => {
  it('AU1 is renewed on the living connection, at any pace', async () => {
    const { client, clock, network } = setUpClient();
    client.connect();
    const expiresAt = clock.now() + 600_000;
    const socket = (await network.socket(1)).welcome({
      heartbeatMs: 0,
      expiresAt,
      limits: { framesPerSecond: 1, burst: 1, rooms: 0 },
    });
    clock.advance(540_000);
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    expect(socket.sentOf('auth')).toEqual([{ type: 'auth', id: expect.any(String), token: 'jwt' }]);
    expect([client.state.status, network.sockets.length]).toEqual(['connected', 1]);
  });

  it('is not renewed on a connection that is gone', async () => {
    const { client, clock, network } = setUpClient();
    client.connect();
    const socket = (await network.socket(1)).welcome({ heartbeatMs: 0, expiresAt: clock.now() + 600_000 });
    client.close();
    clock.advance(600_000);
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    expect(socket.sentOf('auth')).toEqual([]);
  });
});
