import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Stage, announcement, message } from './react.double.js';
import { createElement, useEffect } from 'react';
import { renderToString } from 'react-dom/server';
import { RealtimeProvider, useConnection, usePresence, useRealtimeClient, useRoom, useRoomFrames } from './index.js';
import type { RoomHandle, RoomHandlers } from './index.js';

interface Chat {
  message: { text: string };
}

let stage: Stage;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  stage = new Stage();
});

afterEach(async () => {
  await stage.unmount();
  jest.useRealTimers();
});

/** A component that hands out its room. */
function Room({ name = 'general', handlers, seen }: RoomProps): string {
  const room = useRoom<Chat>(name, handlers);
  if (seen) seen.room = room;
  return `${room.name} ${room.status} ${room.members} `;
}

interface RoomProps {
  readonly name?: string;
  readonly handlers?: RoomHandlers<Chat>;
  readonly seen?: { room?: RoomHandle<Chat> };
}

/** The types of what the client sent on all its connections, with the room. */
const sent = () =>
  stage.network.sockets.flatMap((socket) =>
    socket.sent.map((frame) => `${String(frame['type'])} ${String(frame['room'])}`),
  );

describe('useConnection', () => {
  it('renders each state once, and nothing else renders it', async () => {
    const rendered: string[] = [];
    const Status = () => {
      rendered.push(useConnection().status);
      return null;
    };
    await stage.render(createElement(Status), { strict: false });
    await stage.do(() => stage.client.connect());
    const socket = await stage.welcome();
    await stage.do(() => socket.receive(message(1)));
    await stage.do(() => socket.end());
    expect(rendered).toEqual(['idle', 'connecting', 'connected', 'disconnected']);
  });

  it('needs a provider, and says so', () => {
    const Lost = () => {
      useRealtimeClient();
      return null;
    };
    expect(() => renderToString(createElement(Lost))).toThrow('expected a RealtimeProvider above this component');
  });
});

describe('on a server', () => {
  it('everything renders as not connected, and nothing connects', () => {
    const All = () => {
      const room = useRoom('general');
      const { frames, pending } = useRoomFrames(room, 'message');
      return `${useConnection().status} ${room.status} ${usePresence('general').length + frames.length + pending.length}`;
    };
    const { client } = stage;
    expect(renderToString(createElement(RealtimeProvider, { client }, createElement(All)))).toBe('idle joining 0');
    expect(client.state.status).toBe('idle');
  });
});

describe('useRoom', () => {
  it('joins once in StrictMode, which mounts twice, and leaves once after it was unmounted', async () => {
    await stage.render(createElement(Room));
    await stage.joined();
    await stage.do(() => jest.advanceTimersByTime(10_000));
    expect(sent()).toEqual(['join general']);
    await stage.render(null);
    expect(sent()).toEqual(['join general']);
    await stage.do(() => jest.advanceTimersByTime(1_000));
    expect(sent()).toEqual(['join general', 'leave general']);
  });

  it('stays where another component shows the same room within a second', async () => {
    await stage.render(createElement(Room, { key: 'first page' }));
    const socket = await stage.joined();
    await stage.render(null);
    await stage.do(() => jest.advanceTimersByTime(999));
    const messages: string[] = [];
    await stage.render(
      createElement(Room, { key: 'second page', handlers: { message: ({ text }) => messages.push(text) } }),
    );
    await stage.do(() => jest.advanceTimersByTime(10_000));
    await stage.do(() => socket.receive(message(1)));
    expect(sent()).toEqual(['join general']);
    expect([stage.text, messages]).toEqual(['general joined 1 ', ['text 1']]);
  });

  it('is one room for several components, left after the last', async () => {
    await stage.render([createElement(Room, { key: 1 }), createElement(Room, { key: 2 })]);
    await stage.joined(2);
    expect(stage.text).toBe('general joined 2 general joined 2 ');
    await stage.render([createElement(Room, { key: 2 })]);
    await stage.do(() => jest.advanceTimersByTime(10_000));
    expect(sent()).toEqual(['join general']);
  });

  it('goes to another room when its name changes', async () => {
    await stage.render(createElement(Room));
    const socket = await stage.joined();
    const messages: string[] = [];
    await stage.render(
      createElement(Room, { name: 'random', handlers: { message: ({ text }) => messages.push(text) } }),
    );
    expect(stage.text).toBe('random joining 0 ');
    await stage.do(() => socket.joined('random', 'f.3', { members: 7 }));
    await stage.do(() => jest.advanceTimersByTime(1_000));
    await stage.do(() => socket.receive(message(1)).receive(message(4, 'in random', { room: 'random' })));
    expect([stage.text, messages]).toEqual(['random joined 7 ', ['in random']]);
    expect(sent()).toEqual(['join general', 'join random', 'leave general']);
  });

  it('calls the handlers of the last render, also those that were not there before', async () => {
    const calls: string[] = [];
    const handlers = (render: string, more: RoomHandlers<Chat> = {}): RoomHandlers<Chat> => ({
      message: ({ text }) => calls.push(`${render}: ${text}`),
      ...more,
    });
    await stage.render(createElement(Room, { handlers: handlers('first') }));
    const socket = await stage.joined();
    await stage.do(() => socket.receive(message(1)));
    await stage.render(createElement(Room, { handlers: handlers('second') }));
    await stage.do(() => socket.receive(message(2)));
    const system = () => calls.push('third: system');
    await stage.render(createElement(Room, { handlers: handlers('third', { system }) }));
    await stage.do(() => socket.receive(message(3)).receive(announcement('joined', 'u3', 2)));
    expect(calls).toEqual(['first: text 1', 'second: text 2', 'third: text 3', 'third: system']);
  });

  it('hears what comes between the commit and the effects of the component', async () => {
    const messages: string[] = [];
    await stage.render(createElement(Room, { key: 1 }));
    const socket = await stage.joined();
    const Meanwhile = () => {
      // The first effect after the commit: no effect of a parent or sibling has run before it but those of layout.
      useEffect(() => void socket.receive(message(1)), []);
      return null;
    };
    const listening = createElement(Room, { key: 2, handlers: { message: ({ text }) => messages.push(text) } });
    await stage.render([createElement(Room, { key: 1 }), createElement(Meanwhile, { key: 3 }), listening], {
      strict: false,
    });
    expect(messages).toEqual(['text 1']);
  });

  it('tells a cut, a gap, and what the members are', async () => {
    const seen: RoomProps['seen'] = {};
    await stage.render(createElement(Room, { seen }));
    const socket = await stage.joined();
    await stage.do(() => socket.receive(message(1)).receive(announcement('joined', 'u3', 2)));
    expect(stage.text).toBe('general joined 2 ');
    const second = await stage.cut();
    expect(stage.text).toBe('general joining 2 ');
    await stage.do(() => second.joined('general', 'e.90', { recovered: false, members: 3 }));
    expect(stage.text).toBe('general joined 3 ');
    expect(seen.room?.gap).toEqual({ room: 'general', seen: 'e.1', cursor: 'e.90' });
  });

  it('says why it was left, and is back after rejoin with the same handlers', async () => {
    const seen: RoomProps['seen'] = {};
    const messages: string[] = [];
    await stage.render(createElement(Room, { seen, handlers: { message: ({ text }) => messages.push(text) } }));
    const socket = await stage.joined();
    await stage.do(() => socket.receive({ type: 'left', room: 'general', reason: 'kicked' }));
    expect(seen.room).toMatchObject({ status: 'left', left: { reason: 'kicked' } });
    await stage.do(() => seen.room?.rejoin());
    await stage.do(() => socket.joined('general', 'e.5', { members: 1 }));
    await stage.do(() => socket.receive(message(6)));
    expect(seen.room).toMatchObject({ status: 'joined', left: undefined });
    expect([sent(), messages]).toEqual([['join general', 'join general'], ['text 6']]);
  });

  it('tries anew where a component comes back to a room that refused it', async () => {
    await stage.render(createElement(Room));
    const socket = await stage.welcome();
    await stage.do(() => socket.refuse('general', 'forbidden'));
    expect(stage.text).toBe('general left 0 ');
    await stage.render(null);
    await stage.render(createElement(Room));
    await stage.do(() => socket.joined('general', 'e.0'));
    expect(stage.text).toBe('general joined 1 ');
  });

  it('has the same functions in each render, and sends by them', async () => {
    const seen: RoomProps['seen'] = {};
    await stage.render(createElement(Room, { seen }));
    const first = seen.room!;
    const socket = await stage.joined();
    expect([seen.room?.send, seen.room?.history]).toEqual([first.send, first.history]);
    const result = first.send('message', { text: 'hi' });
    socket.ack(socket.sentOf('message')[0], 1);
    expect(await result).toEqual({ offset: 1, data: undefined });
  });

  it('rejects a send of a room that nobody uses any more', async () => {
    const seen: RoomProps['seen'] = {};
    await stage.render(createElement(Room, { seen }));
    await stage.joined();
    await stage.render(null);
    await stage.do(() => jest.advanceTimersByTime(1_000));
    await expect(seen.room?.send('message', { text: 'too late' })).rejects.toMatchObject({ code: 'left' });
  });
});
