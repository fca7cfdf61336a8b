import { afterEach, describe, expect, it } from '@jest/globals';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { runSeam } from '../support/seam.js';

describe('the seam between recovered and live frames', () => {
  let chat: ChatServer | undefined;

  afterEach(() => chat?.close());

  it.each([1, 2, 3])(
    'RC1 loses and repeats nothing in a hundred cuts under writers that never stop, seed %i',
    async (seed) => {
      chat = await startChat({ messagesPerSecond: 0, historySize: 0, leaveGraceMs: 0 });
      const { url } = chat;
      const { published, cutBeforeJoined, cutInReplay, cutLive } = await runSeam({
        urls: [url, url],
        mint: (sub) => chat!.token(sub),
        cuts: 100,
        seed,
      });
      expect(published).toBeGreaterThan(500);
      for (const count of [cutBeforeJoined, cutInReplay, cutLive]) expect(count).toBeGreaterThan(0);
    },
    60_000,
  );
});
