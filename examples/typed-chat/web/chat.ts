import { createElement as h, useState } from 'react';
import type { FormEvent } from 'react';
import { useConnection, usePresence, useRoom, useRoomFrames } from 'rookery/react';
import type { ChatFrames } from '../shared/frames.js';

/** The room hook with the chat's types in it. */
const useChatRoom = useRoom<ChatFrames>;

/** One room: who is there, what was said, what is on its way, and a field to say something. */
export function Chat({ name }: { readonly name: string }) {
  const connection = useConnection();
  const room = useChatRoom(name, {
    reaction: ({ user, emoji, to }) => console.log(`${user} gave ${emoji} to message ${to}`),
  });
  const people = usePresence(name);
  const list = useRoomFrames(room, 'message');
  const [text, setText] = useState('');

  function say(event: FormEvent) {
    event.preventDefault();
    list.send({ text });
    setText('');
  }

  return h(
    'main',
    undefined,
    h('p', undefined, `${connection.status}, ${room.members} here: ${people.map((user) => user.name).join(', ')}`),
    list.hasEarlier && h('button', { onClick: () => void list.loadEarlier() }, 'Earlier'),
    list.gap && h('p', undefined, 'Some messages could not be recovered. The latest that the server has:'),
    ...list.frames.map((frame) => h('p', { key: frame.offset }, `${frame.user}: ${frame.text}`)),
    ...list.pending.map(({ id, payload, status }) =>
      h(
        'p',
        { key: id },
        `${payload.text} (${status}) `,
        status === 'failed' && h('button', { onClick: () => list.retry(id) }, 'Try again'),
      ),
    ),
    h('form', { onSubmit: say }, h('input', { value: text, onChange: (event) => setText(event.currentTarget.value) })),
  );
}
