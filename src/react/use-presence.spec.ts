import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Stage, announcement } from './react.double.js';
import { createElement } from 'react';
import type { FakeSocket } from '../client/client.double.js';
import { usePresence, useRoom } from './index.js';

let stage: Stage;
let socket: FakeSocket;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  stage = new Stage();
});

afterEach(async () => {
  await stage.unmount();
  jest.useRealTimers();
});

const People = () =>
  usePresence('general')
    .map(({ id }) => id)
    .join(' ');

/** Renders the list in a room of so many. */
async function open(members: number): Promise<void> {
  await stage.render(createElement(People));
  socket = await stage.joined(members);
}

const questions = () => stage.network.sockets.flatMap((each) => each.sentOf('presence'));

/** Answers the last question with these users. */
async function answer(ids: readonly string[], count = ids.length): Promise<void> {
  const id = questions().at(-1)?.['id'];
  const users = ids.map((user) => ({ id: user, name: `name of ${user}` }));
  const frame = { type: 'presence', room: 'general', id, count, users, complete: count === ids.length };
  await stage.do(() => stage.network.sockets.at(-1)?.receive(frame));
}

const told = (event: 'joined' | 'left', userId: string, members: number) =>
  stage.do(() => socket.receive(announcement(event, userId, members)));

describe('usePresence', () => {
  it('is the list as the server said it, kept by what the room tells', async () => {
    await open(2);
    await answer(['u1', 'u2']);
    await told('joined', 'u3', 3);
    await told('left', 'u2', 2);
    expect([stage.text, questions().length]).toEqual(['u1 u3', 1]);
  });

  it('asks once for several components and in StrictMode', async () => {
    await stage.render([createElement(People, { key: 1 }), createElement(People, { key: 2 })]);
    socket = await stage.joined();
    await answer(['u1']);
    expect([stage.text, questions().length]).toEqual(['u1u1', 1]);
  });

  it('asks in a room that was joined before', async () => {
    const Room = () => useRoom('general').status;
    await stage.render([createElement(Room, { key: 1 })]);
    socket = await stage.joined();
    expect(questions()).toEqual([]);
    await stage.render([createElement(Room, { key: 1 }), createElement(People, { key: 2 })]);
    await answer(['u1']);
    expect(stage.text).toBe('joinedu1');
  });
});
