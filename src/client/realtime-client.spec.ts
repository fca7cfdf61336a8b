import { describe, expect, it } from '@jest/globals';
import { isUuid } from '../protocol/index.js';
import type { RealtimeClientError } from './client-error.js';
import { FakeNetwork, FakeSignals, ManualClock } from './client.double.js';
import type { Frame, FakeSocket } from './client.double.js';
import { RealtimeClient } from './realtime-client.js';
import type { RealtimeClientOptions } from './realtime-client.js';
import type { OutboxStorage, StoredSend } from './outbox-storage.js';
import type { ClientRoom } from './room.js';
import type { RestoredSend } from './room-events.js';

function setUp(options: RealtimeClientOptions = {}) {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const client = new RealtimeClient('ws://127.0.0.1/ws/chat', {
    clock,
    signals: new FakeSignals(),
    WebSocket: network.WebSocket,
    random: () => 0,
    token: () => 'jwt',
    ...options,
  });
  return { client, clock, network };
}

/** A client that is in `general` from `e.0`. */
async function setUpJoined(options: RealtimeClientOptions = {}) {
  const { client, clock, network } = setUp(options);
  const room = client.room('general');
  const socket = (await network.socket(1)).welcome().joined('general', 'e.0');
  /** Cuts the connection and makes the next one, up to its welcome. */
  const cut = async (): Promise<FakeSocket> => {
    network.sockets.at(-1)?.end();
    clock.advance(250);
    return (await network.socket(network.sockets.length + 1)).welcome();
  };
  return { client, clock, network, room, socket, cut };
}

const say = (offset: number, fields: Frame = {}): Frame => ({
  type: 'message',
  room: 'general',
  offset,
  id: `id-${offset}`,
  user: 'bob',
  userId: 'u2',
  text: `text ${offset}`,
  timestamp: '2026-11-22T10:00:00.000Z',
  ...fields,
});

function texts(room: ClientRoom): unknown[] {
  const seen: unknown[] = [];
  room.on('message', (frame) => seen.push(frame['text']));
  return seen;
}

const outcome = (sent: Promise<{ offset?: number }>) =>
  sent.then(
    ({ offset }) => `ok ${offset}`,
    (error: RealtimeClientError) => error.code,
  );

describe('RealtimeClient, its rooms', () => {
  it('connects with the first room and joins it', async () => {
    const { client, network } = setUp();
    const room = client.room('general');
    const socket = (await network.socket(1)).welcome();
    expect(socket.sent).toEqual([{ type: 'join', id: expect.any(String), room: 'general' }]);
    expect(room.status).toBe('joining');
    socket.joined('general', 'e.0', { members: 3 });
    expect([room.status, room.members, room.cursor]).toEqual(['joined', 3, 'e.0']);
  });

  it('joins once a room that is opened when the connection is told of', async () => {
    const { client, network } = setUp();
    client.on('state', ({ status }) => status === 'connected' && client.room('late'));
    client.room('general');
    const socket = (await network.socket(1)).welcome();
    expect(socket.sentOf('join').map(({ room }) => room)).toEqual(['general', 'late']);
  });

  it('CL3 has several rooms on one connection, each with its own frames', async () => {
    const { client, network } = setUp();
    const general = texts(client.room('general'));
    const random = texts(client.room('random'));
    const socket = (await network.socket(1)).welcome().joined('general', 'e.0').joined('random', 'f.7');
    socket.receive(say(1)).receive(say(8, { room: 'random' }));
    expect([general, random, network.sockets.length]).toEqual([['text 1'], ['text 8'], 1]);
    expect(client.room('general')).toBe(client.room('general'));
  });

  it('RC1 resumes each room after the last frame that was processed', async () => {
    const { client, network, clock } = setUp();
    client.room('general');
    client.room('random');
    const first = (await network.socket(1)).welcome().joined('general', 'e.4').joined('random', 'f.7');
    first.receive(say(5)).receive(say(6)).end();
    clock.advance(250);
    const second = (await network.socket(2)).welcome();
    expect(second.sent.map(({ room, since }) => `${String(room)} ${String(since)}`)).toEqual([
      'general e.6',
      'random f.7',
    ]);
  });

  it('RC6 shows the application each stored frame once', async () => {
    const { room, socket, cut } = await setUpJoined();
    const seen = texts(room);
    socket.receive(say(1)).receive(say(2));
    const second = await cut();
    second.joined('general', 'e.1', { recovered: true });
    second.receive(say(2)).receive(say(3)).receive(say(3));
    expect(seen).toEqual(['text 1', 'text 2', 'text 3']);
  });

  it('RC6 drops after a change of epoch what it processed under the old one', async () => {
    const { room, socket, cut } = await setUpJoined();
    const seen = texts(room);
    socket.receive(say(1)).receive(say(2));
    const second = await cut();
    second.joined('general', 'f.1', { recovered: false });
    second.receive(say(2)).receive(say(3));
    expect(seen).toEqual(['text 1', 'text 2', 'text 3']);
    expect(room.cursor).toBe('f.3');
  });

  it('RC2 tells a gap, with where it was and from where frames go on', async () => {
    const { room, socket, cut } = await setUpJoined();
    const gaps: unknown[] = [];
    room.on('gap', (gap) => gaps.push(gap));
    socket.receive(say(1));
    (await cut()).joined('general', 'e.90', { recovered: false });
    expect(gaps).toEqual([{ room: 'general', seen: 'e.1', cursor: 'e.90' }]);
    expect(room.cursor).toBe('e.90');
  });

  it('FR2 tells a gap also on a live connection', async () => {
    const { room, socket } = await setUpJoined();
    const gaps: string[] = [];
    room.on('gap', ({ cursor }) => gaps.push(cursor));
    socket.receive({ type: 'joined', room: 'general', cursor: 'f.5', recovered: false, members: 2 });
    expect(gaps).toEqual(['f.5']);
  });

  it('RC6 sends again under its id what a lost epoch acknowledged and nobody delivered here', async () => {
    const { room, socket, cut } = await setUpJoined();
    const told = texts(room);
    room.on('gap', () => told.push('gap'));
    const sent = [room.send('message', { text: 'x' }, { id: 'x' }), room.send('message', { text: 'y' }, { id: 'y' })];
    socket.receive({ type: 'ack', id: 'x', offset: 1 }).receive({ type: 'ack', id: 'y', offset: 2 });
    expect(await Promise.all(sent)).toEqual([{ offset: 1 }, { offset: 2 }]);
    socket.receive(say(1, { id: 'x', text: 'x' }));
    const second = await cut();
    second.joined('general', 'f.1', { recovered: true }).receive(say(2, { text: 'of the new master' }));
    expect(second.sent.filter(({ type }) => type === 'message')).toEqual([
      { type: 'message', id: 'y', room: 'general', text: 'y' },
    ]);
    second.receive({ type: 'ack', id: 'y', offset: 3 }).receive(say(3, { id: 'y', text: 'y' }));
    (await cut()).joined('general', 'g.3', { recovered: true });
    expect(told).toEqual(['x', 'of the new master', 'y']);
  });

  it('FR4 keeps the number of members up to date', async () => {
    const { room, socket } = await setUpJoined();
    const told: string[] = [];
    room.on('system', ({ text }) => told.push(text));
    socket.receive({ type: 'system', event: 'joined', room: 'general', members: 2, text: 'bob joined' });
    expect([room.members, told]).toEqual([2, ['bob joined']]);
  });

  it('takes the payloads by their type, so that a wrong one does not compile', async () => {
    const network = new FakeNetwork();
    const { WebSocket } = network;
    const client = new RealtimeClient<{ message: { text: string } }>('ws://127.0.0.1/', { WebSocket });
    const room = client.room('general');
    const lengths: number[] = [];
    room.on('message', ({ text, offset }) => lengths.push(text.length + (offset ?? 0)));
    (await network.socket(1))
      .welcome({ heartbeatMs: 0 })
      .joined('general', 'e.0')
      .receive(say(1, { text: 'abc' }));
    expect(lengths).toEqual([4]);
    // @ts-expect-error text is missing
    await expect(room.send('message', { txt: 1n })).rejects.toThrow(TypeError);
    // @ts-expect-error no such type
    room.on('massage', () => undefined);
    client.close();
  });

  it('FR8 ignores types that nobody listens to', async () => {
    const { room, socket } = await setUpJoined();
    const seen = texts(room);
    socket
      .receive(say(1, { type: 'reaction' }))
      .receive({ type: 'news', room: 'elsewhere' })
      .receive(say(2));
    expect(seen).toEqual(['text 2']);
  });

  it.each(['forbidden', 'bad_room', 'too_many_rooms'])('says why it may not join: %s', async (code) => {
    const { client, network } = setUp();
    const room = client.room('general');
    const sent = outcome(room.send('message', { text: 'hi' }));
    const left: unknown[] = [];
    room.on('left', (event) => left.push(event));
    (await network.socket(1)).welcome().refuse('general', code);
    expect(left).toEqual([{ room: 'general', reason: code, message: code }]);
    expect([room.status, await sent, await outcome(room.send('message', {}))]).toEqual(['left', 'left', 'left']);
  });

  it('CN5 joins again after a temporary error', async () => {
    const { client, network, clock } = setUp();
    const room = client.room('general');
    const socket = (await network.socket(1)).welcome();
    socket.refuse('general', 'unavailable', { retryMs: 400 });
    clock.advance(399);
    expect(socket.sentOf('join')).toHaveLength(1);
    clock.advance(1);
    socket.joined('general', 'e.0');
    expect([room.status, socket.sentOf('join').length]).toEqual(['joined', 2]);
  });

  it('does not join again what it gave up joining when the connection was lost', async () => {
    const { client, network, clock } = setUp();
    client.room('general');
    const first = (await network.socket(1)).welcome();
    first.refuse('general', 'unavailable');
    first.end();
    clock.advance(250);
    const second = (await network.socket(2)).welcome().joined('general', 'e.0');
    clock.advance(10_000);
    expect([first.sentOf('join').length, second.sentOf('join').length]).toEqual([1, 1]);
  });

  it('CN6 is out of a room that it was kicked from, and does not come back by itself', async () => {
    const { room, socket, cut } = await setUpJoined();
    const seen = texts(room);
    const left: string[] = [];
    room.on('left', ({ reason }) => left.push(reason));
    socket.receive({ type: 'left', room: 'general', reason: 'kicked' }).receive(say(1));
    expect([left, seen, room.status]).toEqual([['kicked'], [], 'left']);
    expect((await cut()).sent).toEqual([]);
  });

  it('leaves, and can join anew', async () => {
    const { client, room, socket } = await setUpJoined();
    const left = room.leave();
    const again = client.room('general');
    expect(again).not.toBe(room);
    expect(socket.sent.map(({ type }) => type)).toEqual(['join', 'leave', 'join']);
    const seen = [texts(room), texts(again)];
    socket.receive(say(1)).receive({ type: 'left', room: 'general', reason: 'left', id: socket.sent[1]?.['id'] });
    await left;
    socket.joined('general', 'e.1').receive(say(2));
    expect([seen, room.status, again.status]).toEqual([[[], ['text 2']], 'left', 'joined']);
  });

  it('leaves without a word where there is no connection', async () => {
    const { client, network } = setUp();
    await client.room('general').leave();
    expect((await network.socket(1)).welcome().sent).toEqual([]);
  });

  it('FR7 takes part in the user’s own room, whenever it is asked for, and resumes it by the URL', async () => {
    const { client, network, clock } = setUp();
    client.connect();
    const first = (await network.socket(1)).welcome();
    first.receive({ type: 'joined', room: '@me', cursor: 'm.2', members: 1 });
    const seen: unknown[] = [];
    client.room('@me').on('notice', (frame) => seen.push(frame['text']));
    first.receive({ type: 'notice', room: '@me', offset: 3, text: 'deployed' });
    first.end();
    clock.advance(250);
    const second = await network.socket(2);
    expect(seen).toEqual(['deployed']);
    expect(second.url).toBe('ws://127.0.0.1/ws/chat?me=m.3');
    expect(second.welcome().sent).toEqual([]);
  });

  it('joins its rooms again after close and connect', async () => {
    const { client, clock, network } = await setUpJoined();
    client.close();
    clock.advance(250);
    client.connect();
    expect((await network.socket(2)).welcome().sentOf('join')).toMatchObject([{ room: 'general', since: 'e.0' }]);
  });
});

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
    const { client, network } = setUp();
    void client.room('slow').send('message', { text: 'waits' });
    void client.room('general').send('message', { text: 'goes' });
    const socket = (await network.socket(1)).welcome().joined('general', 'e.0');
    expect(socket.sentOf('message')).toMatchObject([{ room: 'general', text: 'goes' }]);
  });

  it('CL7 paces itself by the limits of the welcome, joins included, and drains 2,000 sends', async () => {
    const { client, clock, network } = setUp();
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
    const { client, clock, network } = setUp();
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
    const { client, clock, network } = setUp();
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
    const { client, network } = setUp();
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
    const { client } = setUp({ outbox: { limit: 1 } });
    void client.room('general').send('message', {});
    expect(await outcome(client.room('general').send('message', {}))).toBe('outbox_full');
  });

  it('rejects what waits when the connection is refused for good: nothing waits in vain', async () => {
    const { client, network, clock } = setUp({ token: 'the only one' });
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

describe('RealtimeClient, what it asks', () => {
  it('CL4 loads history', async () => {
    const { room, socket } = await setUpJoined();
    const asked = room.history({ before: 'e.9', limit: 2 });
    const [question] = socket.sentOf('history');
    expect(question).toMatchObject({ room: 'general', before: 'e.9', limit: 2 });
    const frames = [say(8), say(9)];
    socket.receive({ type: 'history', id: question?.['id'], room: 'general', frames, cursor: 'e.7', complete: false });
    expect(await asked).toMatchObject({ frames, cursor: 'e.7', complete: false });
  });

  it('CL4 asks who is there, before everything that waits to be sent', async () => {
    const { room, socket, cut } = await setUpJoined();
    socket.end();
    const second = cut();
    void room.send('message', {});
    const asked = room.presence({ after: 'u1' });
    const next = await second;
    next.joined('general', 'e.0', { recovered: true });
    expect(next.sent.map(({ type }) => type)).toEqual(['join', 'presence', 'message']);
    const users = [{ id: 'u2', name: 'bob' }];
    next.receive({ type: 'presence', id: next.sent[1]?.['id'], room: 'general', count: 2, users, complete: true });
    expect(await asked).toMatchObject({ count: 2, users });
  });

  it('asks again after a cut, and gives up after 10 s', async () => {
    const { room, clock, cut } = await setUpJoined();
    const asked = room.history();
    const second = (await cut()).joined('general', 'e.0', { recovered: true });
    expect(second.sentOf('history')).toHaveLength(1);
    clock.advance(9_750);
    await expect(asked).rejects.toMatchObject({ code: 'timeout' });
  });

  it('rejects with the code of the answer', async () => {
    const { room, socket } = await setUpJoined();
    const asked = room.history({ since: 'unknown.1' });
    socket.error(socket.sentOf('history')[0], 'not_found');
    await expect(asked).rejects.toMatchObject({ code: 'not_found', message: 'is not_found' });
  });

  it('rejects in a room that was left, and where the connection is over', async () => {
    const { client, room } = await setUpJoined();
    const asked = room.history();
    void room.leave();
    await expect(asked).rejects.toMatchObject({ code: 'left' });
    await expect(room.presence()).rejects.toMatchObject({ code: 'left' });
    const other = client.room('other').presence();
    client.close();
    await expect(other).rejects.toMatchObject({ code: 'disconnected' });
    await expect(client.room('other').presence()).rejects.toMatchObject({ code: 'disconnected' });
  });
});

describe('RealtimeClient, what could be mistaken', () => {
  it('CL2 gives each of two rooms the answer to its own frame under one id', async () => {
    const { client, network } = setUp();
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
    const { client, network } = setUp();
    const sent = outcome(client.room('general').send('message', { text: 'x'.repeat(100_000) }));
    const socket = (await network.socket(1)).welcome({ maxFrameBytes: 1_048_576 }).joined('general', 'e.0');
    socket.ack(socket.sentOf('message')[0], 1);
    expect(await sent).toBe('ok 1');
  });

  it('CL7 goes on with other rooms while the handler of one does not answer', async () => {
    const { client, clock, network } = setUp();
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
    const { client, network } = setUp();
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
    const { client, network, clock } = setUp();
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
    const { client, network } = setUp({ outbox: { storage } });
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
    const { client, network } = setUp({ outbox: { storage } });
    const restored: RestoredSend[] = [];
    client.room('general').on('restored', (send) => restored.push(send));
    const socket = (await network.socket(1)).welcome().joined('general', 'e.0');
    expect(await outcome(restored[0]!.result)).toBe('other_user');
    expect(socket.sentOf('message')).toEqual([]);
  });

  it('CL2 keeps an anonymous user’s sends, whose id is another one each time', async () => {
    const { client, network, clock } = setUp();
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
    const { client, clock, network } = setUp();
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
    const { client, clock, network } = setUp();
    client.connect();
    const socket = (await network.socket(1)).welcome({ heartbeatMs: 0, expiresAt: clock.now() + 600_000 });
    client.close();
    clock.advance(600_000);
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    expect(socket.sentOf('auth')).toEqual([]);
  });
});

describe('RealtimeClient, members', () => {
  it('takes their number from an answer to presence too', async () => {
    const { room, socket } = await setUpJoined();
    void room.presence();
    const [{ id } = {}] = socket.sentOf('presence');
    socket.receive({ type: 'presence', id, room: 'general', count: 7, users: [], complete: false });
    for (let turn = 0; turn < 3; turn += 1) await Promise.resolve();
    expect(room.members).toBe(7);
  });
});
