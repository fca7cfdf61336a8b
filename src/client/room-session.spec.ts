import { describe, expect, it } from '@jest/globals';
import { FakeNetwork } from './client.double.js';
import { RealtimeClient } from './realtime-client.js';
import { outcome, say, setUpClient, setUpJoined, texts } from './realtime-client.double.js';

describe('RoomSession, its membership', () => {
  it('connects with the first room and joins it', async () => {
    const { client, network } = setUpClient();
    const room = client.room('general');
    const socket = (await network.socket(1)).welcome();
    expect(socket.sent).toEqual([{ type: 'join', id: expect.any(String), room: 'general' }]);
    expect(room.status).toBe('joining');
    socket.joined('general', 'e.0', { members: 3 });
    expect([room.status, room.members, room.cursor]).toEqual(['joined', 3, 'e.0']);
  });

  it('joins once a room that is opened when the connection is told of', async () => {
    const { client, network } = setUpClient();
    client.on('state', ({ status }) => status === 'connected' && client.room('late'));
    client.room('general');
    const socket = (await network.socket(1)).welcome();
    expect(socket.sentOf('join').map(({ room }) => room)).toEqual(['general', 'late']);
  });

  it('CL3 has several rooms on one connection, each with its own frames', async () => {
    const { client, network } = setUpClient();
    const general = texts(client.room('general'));
    const random = texts(client.room('random'));
    const socket = (await network.socket(1)).welcome().joined('general', 'e.0').joined('random', 'f.7');
    socket.receive(say(1)).receive(say(8, { room: 'random' }));
    expect([general, random, network.sockets.length]).toEqual([['text 1'], ['text 8'], 1]);
    expect(client.room('general')).toBe(client.room('general'));
  });

  it('RC1 resumes each room after the last frame that was processed', async () => {
    const { client, network, clock } = setUpClient();
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
    const { client, network } = setUpClient();
    const room = client.room('general');
    const sent = outcome(room.send('message', { text: 'hi' }));
    const left: unknown[] = [];
    room.on('left', (event) => left.push(event));
    (await network.socket(1)).welcome().refuse('general', code);
    expect(left).toEqual([{ room: 'general', reason: code, message: code }]);
    expect([room.status, await sent, await outcome(room.send('message', {}))]).toEqual(['left', 'left', 'left']);
  });

  it('CN5 joins again after a temporary error', async () => {
    const { client, network, clock } = setUpClient();
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
    const { client, network, clock } = setUpClient();
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
    const { client, network } = setUpClient();
    await client.room('general').leave();
    expect((await network.socket(1)).welcome().sent).toEqual([]);
  });

  it('FR7 takes part in the user’s own room, whenever it is asked for, and resumes it by the URL', async () => {
    const { client, network, clock } = setUpClient();
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

describe('RoomSession, what it asks', () => {
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

  it('takes the number of members from an answer to presence too', async () => {
    const { room, socket } = await setUpJoined();
    void room.presence();
    const [{ id } = {}] = socket.sentOf('presence');
    socket.receive({ type: 'presence', id, room: 'general', count: 7, users: [], complete: false });
    for (let turn = 0; turn < 3; turn += 1) await Promise.resolve();
    expect(room.members).toBe(7);
  });
});
