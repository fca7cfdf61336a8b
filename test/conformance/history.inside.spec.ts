import { afterEach, describe, expect, it } from '@jest/globals';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { freshRoom, freshUser } from '../support/chat.js';

let server: ChatServer | undefined;

afterEach(() => server?.close());

describe('history, from inside', () => {
  it('CL4 answers questions one after the other, so that they make no slow reader of a fast one', async () => {
    server = await startChat({ messagesPerSecond: 0 });
    const room = freshRoom();
    const client = await server.enter(room, freshUser('alice'));
    const text = 'x'.repeat(3_500);
    await Promise.all(
      Array.from({ length: 90 }, () =>
        client.request({ type: 'message', text }).then(({ type }) => expect(type).toBe('ack')),
      ),
    );
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => client.request({ type: 'history', room, limit: 100 })),
    );
    expect(answers.map(({ type }) => type)).toEqual(Array.from({ length: 12 }, () => 'history'));
    expect(client.isOpen).toBe(true);
  });
});
