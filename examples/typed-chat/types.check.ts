/**
 * What must compile and what must not. Nothing here runs: each `@ts-expect-error` fails the compilation where the line
 * below it has no error.
 */
import type { Room } from 'rookery';
import type { RealtimeClient } from 'rookery/client';
import { useRoom, useRoomFrames } from 'rookery/react';
import { publish } from './server/typed-room.js';
import type { ChatFrames } from './shared/frames.js';

export function ofTheClient(client: RealtimeClient<ChatFrames>): void {
  const room = client.room('general');
  void room.send('message', { text: 'hi' });
  void room.send('message', { text: 'hi', replyTo: 1 });
  // @ts-expect-error `txt` is no field of a message
  void room.send('message', { txt: 1 });
  // @ts-expect-error a text is a string
  void room.send('message', { text: 1 });
  // @ts-expect-error a message has a text
  void room.send('message', {});
  // @ts-expect-error nothing in the chat is called so
  void room.send('shout', { text: 'hi' });

  room.on('message', ({ text, user, offset }) => [text.length, user?.length, offset?.toFixed()]);
  room.on('joined', ({ cursor, members }) => [cursor.length, members.toFixed()]);
  room.on('gap', ({ cursor }) => cursor.length);
  // @ts-expect-error an emoji is no number
  room.on('reaction', ({ emoji }) => emoji.toFixed());
  // @ts-expect-error nothing in the chat is called so
  room.on('shout', () => undefined);
}

export function ofAClientWithoutAMap(client: RealtimeClient): void {
  const room = client.room('general');
  void room.send('anything', { at: 'all' });
  void room.send('anything', 1);
  room.on('anything', (frame) => [frame['text'], frame.offset?.toFixed()]);
  // @ts-expect-error its fields are unknown until somebody looks
  room.on('anything', (frame) => frame['text'].length);
}

export function ofTheHooks(): void {
  const room = useRoom<ChatFrames>('general', {
    message: ({ text }) => text.length,
    system: ({ members }) => members.toFixed(),
    // @ts-expect-error a text is no number
    reaction: ({ emoji }) => emoji.toFixed(),
  });
  // @ts-expect-error nothing in the chat is called so
  useRoom<ChatFrames>('general', { shout: () => undefined });
  // @ts-expect-error a text is a string
  void room.send('message', { text: 1 });

  const list = useRoomFrames(room, 'message');
  list.frames.map(({ text, offset }) => [text.length, offset?.toFixed()]);
  list.pending.map(({ payload }) => payload.text.length);
  list.send({ text: 'hi' });
  // @ts-expect-error a message has a text
  list.send({ emoji: '🐦' });
  // @ts-expect-error nothing in the chat is called so
  useRoomFrames(room, 'shout');

  const loose = useRoom('general', { anything: (frame) => frame['text'] });
  void loose.send('anything', { at: 'all' });
}

export function ofTheServer(room: Room): void {
  void publish(room, 'reaction', { to: 1, emoji: '🐦' });
  // @ts-expect-error a reaction names its message
  void publish(room, 'reaction', { emoji: '🐦' });
  // @ts-expect-error nothing in the chat is called so
  void publish(room, 'shout', { text: 'hi' });
}
