import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { freshRoom, freshUser } from '../support/chat.js';
import { until } from '../support/within.js';

jest.setTimeout(30_000);

let server: ChatServer | undefined;

afterEach(() => server?.close());

describe('readers', () => {
  it('that read are not closed for a burst that came in one turn; one that reads nothing is, and alone', async () => {
    server = await startChat({ messagesPerSecond: 0 });
    const room = freshRoom();
    const fast = await server.enter(room, freshUser('fast'));
    const stalled = await server.enter(room, freshUser('stalled'));
    const { registry, realtime } = server;
    stalled.pause();
    const text = 'x'.repeat(60_000);
    const publish = (): Promise<unknown> =>
      realtime.to(`chat/${room}`).publish('message', { text }, { id: randomUUID() });
    await Promise.all(Array.from({ length: 60 }, publish));
    for (let n = 1; n <= 60; n += 1) expect((await fast.next('message')).offset).toBe(n);
    await until('the stalled reader is closed', async () => {
      await publish();
      await fast.next('message');
      return registry.members(`chat/${room}`).length === 1;
    });
    expect(fast.isOpen).toBe(true);
  });
});
