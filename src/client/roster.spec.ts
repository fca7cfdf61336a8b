import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeNetwork, FakeSignals, ManualClock } from './client.double.js';
import type { FakeSocket } from './client.double.js';
import { RealtimeClient } from './index.js';
import { Roster } from './roster.js';

let clock: ManualClock;
let network: FakeNetwork;
let client: RealtimeClient;
let socket: FakeSocket;
let roster: Roster;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  clock = new ManualClock();
  network = new FakeNetwork();
  const { WebSocket } = network;
  client = new RealtimeClient('ws://127.0.0.1', { clock, signals: new FakeSignals(), WebSocket, random: () => 0 });
});

afterEach(() => {
  roster.end();
  client.close();
  jest.useRealTimers();
});

const ids = () => roster.users.map(({ id }) => id);

/** A list of the room `general`, which has so many users. */
async function open(members: number): Promise<void> {
  roster = new Roster(client.room('general'), () => undefined);
  socket = (await network.socket(1)).welcome().joined('general', 'e.0', { members });
}

/** Cuts the connection, and is in the room again. */
async function comeBack(members: number): Promise<void> {
  socket.end();
  clock.advance(250);
  socket = (await network.socket(2)).welcome().joined('general', 'e.0', { members, recovered: true });
}

const questions = () => network.sockets.flatMap((each) => each.sentOf('presence'));

/** Answers the last question with these users. */
async function answer(userIds: readonly string[], count = userIds.length): Promise<void> {
  const users = userIds.map((id) => ({ id, name: `name of ${id}` }));
  const complete = count === users.length;
  socket.receive({ type: 'presence', room: 'general', id: questions().at(-1)?.['id'], count, users, complete });
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

function told(event: 'joined' | 'left', userId: string, members: number): void {
  socket.receive({ type: 'system', event, room: 'general', userId, user: `name of ${userId}`, members, text: '' });
}

const pass = (ms: number) => jest.advanceTimersByTime(ms);

describe('Roster', () => {
  it('asks once, and keeps the list by what the room tells', async () => {
    await open(2);
    await answer(['u1', 'u2']);
    told('joined', 'u3', 3);
    told('left', 'u2', 2);
    pass(10_000);
    expect([ids(), questions().length]).toEqual([['u1', 'u3'], 1]);
  });

  it('asks in a room that was joined before', async () => {
    const room = client.room('general');
    socket = (await network.socket(1)).welcome().joined('general', 'e.0');
    roster = new Roster(room, () => undefined);
    await answer(['u1']);
    expect(ids()).toEqual(['u1']);
  });

  it('asks again where the list differs, once it has settled, and not per frame', async () => {
    await open(2);
    await answer(['u1', 'u2']);
    for (let user = 10; user < 20; user += 1) told('joined', `u${user}`, user);
    pass(499);
    expect(questions()).toHaveLength(1);
    pass(1);
    expect(questions()).toHaveLength(2);
  });

  it('does not ask where the difference went away meanwhile', async () => {
    await open(2);
    await answer(['u1', 'u2']);
    told('joined', 'u3', 4);
    told('joined', 'u4', 4);
    pass(10_000);
    expect(questions()).toHaveLength(1);
  });

  it('does not ask again about a difference that the answer left, only about another one', async () => {
    await open(5);
    await answer(['u1', 'u2'], 5);
    told('joined', 'u3', 6);
    told('left', 'u3', 5);
    pass(10_000);
    expect(questions()).toHaveLength(1);
    told('joined', 'u3', 7);
    pass(500);
    expect(questions()).toHaveLength(2);
    await answer(['u1', 'u2', 'u3'], 7);
    told('joined', 'u4', 8);
    pass(10_000);
    expect(questions()).toHaveLength(2);
  });

  it('has one question under way at a time, and what was told meanwhile counts', async () => {
    await open(2);
    told('joined', 'u3', 4);
    told('left', 'u2', 3);
    pass(10_000 - 1);
    expect(questions()).toHaveLength(1);
    await answer(['u1', 'u2', 'u9'], 3);
    pass(10_000);
    expect([ids(), questions().length]).toEqual([['u1', 'u9', 'u3'], 1]);
  });

  it('asks once for each joined in a room larger than one answer', async () => {
    await open(300);
    const first = Array.from({ length: 100 }, (_, i) => `u${i}`);
    await answer(first, 300);
    told('joined', 'x1', 301);
    told('joined', 'x2', 350);
    pass(10_000);
    expect(questions()).toHaveLength(1);
    await comeBack(300);
    expect(questions()).toHaveLength(2);
  });

  it('asks anew after a cut, and forgets what was told before it', async () => {
    await open(1);
    told('joined', 'u3', 2);
    await comeBack(1);
    expect(questions()).toHaveLength(2);
    await answer(['u1']);
    pass(10_000);
    expect([ids(), questions().length]).toEqual([['u1'], 2]);
  });

  it('asks again where a question that a cut delayed was given up after it', async () => {
    await open(1);
    clock.advance(9_000);
    await comeBack(1);
    clock.advance(1_000);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    await answer(['u1']);
    expect([ids(), questions().length]).toEqual([['u1'], 3]);
  });
});
