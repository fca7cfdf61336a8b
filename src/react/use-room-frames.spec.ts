import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Stage, message } from './react.double.js';
import { createElement } from 'react';
import type { FakeSocket, Frame } from '../client/client.double.js';
import { useRoom, useRoomFrames } from './index.js';
import type { RoomFrames, RoomFramesOptions } from './index.js';

interface Chat {
  message: { text: string };
}

let stage: Stage;
let socket: FakeSocket;
/** What the last render had. */
let list: RoomFrames<Chat['message']>;
let rejoin: () => void;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  stage = new Stage();
});

afterEach(async () => {
  await stage.unmount();
  jest.useRealTimers();
});

function Messages({ options }: { readonly options?: RoomFramesOptions }): string {
  const room = useRoom<Chat>('general');
  ({ rejoin } = room);
  list = useRoomFrames(room, 'message', options);
  return list.frames.map(({ text }) => text).join(', ');
}

const questions = () => stage.network.sockets.flatMap((each) => each.sentOf('history'));
const sent = () => stage.network.sockets.flatMap((each) => each.sentOf('message'));

/** Answers the last question with these messages. */
async function answer(frames: readonly Frame[], complete = true, cursor = 'e.0'): Promise<void> {
  const frame = { type: 'history', room: 'general', id: questions().at(-1)?.['id'], frames, cursor, complete };
  await stage.do(() => stage.network.sockets.at(-1)?.receive(frame));
}

/** Renders the list in a room that has these messages. */
async function open(frames: readonly Frame[], complete = true, options: RoomFramesOptions = {}): Promise<void> {
  await stage.render(createElement(Messages, { options }));
  socket = await stage.welcome();
  const top = Number(frames.at(-1)?.['offset'] ?? 0);
  await stage.do(() => socket.joined('general', `e.${top}`));
  await answer(frames, complete, `e.${Number(frames[0]?.['offset'] ?? 1) - 1}`);
}

const receive = (...frames: readonly Frame[]) => stage.do(() => frames.forEach((frame) => socket.receive(frame)));

describe('useRoomFrames', () => {
  it('has the newest page and what comes after it, and asks once', async () => {
    await open([message(1), message(2)]);
    await receive(message(3), { ...message(4), type: 'reaction' }, message(5));
    expect(stage.text).toBe('text 1, text 2, text 3, text 5');
    expect(questions()).toMatchObject([{ limit: 50 }]);
    expect(list).toMatchObject({ hasEarlier: false, isLoading: false, error: undefined, gap: undefined });
  });

  it('asks once in StrictMode where the room was joined before', async () => {
    const room = stage.client.room('general');
    socket = await stage.joined();
    await stage.render(createElement(Messages));
    await answer([message(1)]);
    expect([room.status, stage.text, questions().length]).toEqual(['joined', 'text 1', 1]);
  });

  it('shows a frame once and in its place that came live before the page that holds it', async () => {
    await stage.render(createElement(Messages));
    socket = await stage.joined();
    await receive(message(1), message(2));
    expect(list.isLoading).toBe(true);
    await answer([message(1), message(2), message(3)]);
    await receive(message(3), message(4));
    expect(stage.text).toBe('text 1, text 2, text 3, text 4');
  });

  it('loads earlier pages on demand, until there are none', async () => {
    await open([message(5), message(6)], false);
    await stage.do(() => void list.loadEarlier());
    await stage.do(() => void list.loadEarlier());
    expect(questions().slice(1)).toMatchObject([{ before: 'e.4' }]);
    await answer([message(3), message(4)], true, 'e.2');
    await stage.do(() => list.loadEarlier());
    expect([stage.text, questions().length]).toEqual(['text 3, text 4, text 5, text 6', 2]);
  });

  it('goes on to earlier pages where one holds only frames of other types', async () => {
    await open([{ ...message(5), type: 'reaction' }], false);
    expect(questions()[1]).toMatchObject({ before: 'e.4' });
    await answer([message(4)], false, 'e.3');
    expect([stage.text, list.hasEarlier]).toEqual(['text 4', true]);
  });

  it('misses nothing and repeats nothing through a cut', async () => {
    await open([message(1)]);
    await receive(message(2));
    socket = await stage.cut();
    await stage.do(() => socket.joined('general', 'e.2', { recovered: true }));
    await receive(message(2), message(3));
    expect([stage.text, questions().length]).toEqual(['text 1, text 2, text 3', 1]);
  });

  it('begins anew after a gap, and says so', async () => {
    await open([message(1)]);
    socket = await stage.cut();
    await stage.do(() => socket.joined('general', 'f.90', { recovered: false }));
    expect([stage.text, list.gap]).toEqual(['', { room: 'general', seen: 'e.1', cursor: 'f.90' }]);
    await answer([message(89), message(90)], false, 'f.88');
    await receive(message(91));
    expect(stage.text).toBe('text 89, text 90, text 91');
    await stage.do(() => void list.loadEarlier());
    expect(questions().at(-1)).toMatchObject({ before: 'f.88' });
  });

  it('begins anew where it was left and joined again: what was said between is in history alone', async () => {
    await open([message(1), message(2)]);
    await receive({ type: 'left', room: 'general', reason: 'kicked' });
    await stage.do(() => rejoin());
    await stage.do(() => socket.joined('general', 'f.5'));
    await answer([message(3), message(4), message(5)], true, 'f.2');
    await receive(message(6));
    expect(stage.text).toBe('text 3, text 4, text 5, text 6');
  });

  it('takes no page that was asked for before a gap', async () => {
    await open([message(5)], false);
    await stage.do(() => void list.loadEarlier());
    const old = questions().at(-1);
    await stage.do(() =>
      socket.receive({ type: 'joined', room: 'general', cursor: 'f.9', recovered: false, members: 1 }),
    );
    await receive({
      type: 'history',
      room: 'general',
      id: old?.['id'],
      frames: [message(4)],
      cursor: 'e.3',
      complete: true,
    });
    await answer([message(9)]);
    expect(stage.text).toBe('text 9');
  });

  it('keeps so many while others come, and loads again what it let go', async () => {
    await open([message(1), message(2)], true, { keep: 3 });
    await receive(message(3), message(4), message(5));
    expect([stage.text, list.hasEarlier]).toEqual(['text 3, text 4, text 5', true]);
    await stage.do(() => void list.loadEarlier());
    expect(questions().at(-1)).toMatchObject({ before: 'e.2' });
    await answer([message(1), message(2)]);
    await receive(message(6));
    expect(stage.text).toBe('text 2, text 3, text 4, text 5, text 6');
  });

  it('shows an own send until its frame is back, whichever of frame and ack is first', async () => {
    await open([]);
    await stage.do(() => list.send({ text: 'frame first' }));
    await stage.do(() => list.send({ text: 'ack first' }));
    expect(list.pending).toMatchObject([
      { payload: { text: 'frame first' }, status: 'sending' },
      { payload: { text: 'ack first' }, status: 'sending' },
    ]);
    const [first, second] = sent();
    await receive(message(1, 'frame first', { id: first?.['id'] }));
    await stage.do(() => socket.ack(first, 1).ack(second, 2));
    expect(list.pending).toMatchObject([{ payload: { text: 'ack first' }, status: 'sent' }]);
    await receive(message(2, 'ack first', { id: second?.['id'] }));
    expect([stage.text, list.pending]).toEqual(['frame first, ack first', []]);
  });

  it('lets an own send go whose handler stored nothing', async () => {
    await open([]);
    await stage.do(() => list.send({ text: 'a command' }));
    await stage.do(() => socket.ack(sent()[0]));
    expect(list.pending).toEqual([]);
  });

  it('keeps what failed, to be sent again under its id or thrown away', async () => {
    await open([]);
    await stage.do(() => list.send({ text: 'one' }));
    await stage.do(() => list.send({ text: 'two' }));
    const [one, two] = sent();
    await stage.do(() => socket.error(one, 'forbidden').error(two, 'forbidden'));
    expect(list.pending).toMatchObject([
      { id: one?.['id'], status: 'failed', error: { code: 'forbidden' } },
      { id: two?.['id'], status: 'failed' },
    ]);
    await stage.do(() => list.discard(String(two?.['id'])));
    await stage.do(() => list.retry(String(one?.['id'])));
    expect(sent().at(-1)).toMatchObject({ id: one?.['id'], text: 'one' });
    await receive(message(1, 'one', { id: one?.['id'] }));
    expect([stage.text, list.pending]).toEqual(['one', []]);
  });

  it('shows what the page had not sent when it was loaded again', async () => {
    const kept = { id: 'from before', room: 'general', text: '{"type":"message","room":"general","text":"left over"}' };
    const storage = { load: () => [kept], put: () => undefined, remove: () => undefined };
    await stage.unmount();
    stage = new Stage({ outbox: { storage } });
    await open([]);
    expect(list.pending).toMatchObject([{ id: 'from before', payload: { text: 'left over' }, status: 'sending' }]);
    await receive(message(1, 'left over', { id: 'from before' }));
    expect([stage.text, list.pending]).toEqual(['left over', []]);
  });

  it('says why a page could not be loaded, and asks for the first one again when it is back', async () => {
    await stage.render(createElement(Messages));
    socket = await stage.joined();
    await stage.do(() => socket.error(questions()[0], 'unavailable', 100));
    expect(list).toMatchObject({ isLoading: false, error: { code: 'unavailable' } });
    socket = await stage.cut();
    await stage.do(() => socket.joined('general', 'e.1', { recovered: true }));
    await answer([message(1)]);
    expect([stage.text, list.error]).toEqual(['text 1', undefined]);
  });

  it('begins anew where a component is mounted again', async () => {
    await open([message(1)]);
    await stage.render(null);
    await receive(message(2));
    await stage.render(createElement(Messages));
    await answer([message(1), message(2)]);
    expect(stage.text).toBe('text 1, text 2');
  });

  it('puts frames that are not stored where they came', async () => {
    await open([message(1)]);
    await receive(message(undefined, 'not stored'), message(2));
    expect(stage.text).toBe('text 1, not stored, text 2');
  });
});
