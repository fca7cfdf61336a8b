import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { freshRoom, freshUser, offsetsIn, partsOf, range, storedIn } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { until } from '../support/within.js';

const MIB = 1_048_576;

describe('slow readers', () => {
  let chat: ChatServer | undefined;

  afterEach(async () => {
    await chat?.close();
    chat = undefined;
  });

  function publish(room: string, bytes: number): Promise<unknown> {
    return chat!.realtime.to(`chat/${room}`).publish('message', { text: 'x'.repeat(bytes) }, { id: randomUUID() });
  }

  it('CN2 closes with 4002 who leaves more than maxBufferedBytes unread, and gives it all on its return', async () => {
    chat = await startChat({ maxBufferedBytes: MIB / 4 });
    const [room, sub] = [freshRoom(), freshUser()];
    const good = await chat.enter(room, freshUser());
    const { client: slow, joined } = await chat.visit(room, sub);
    slow.pause();
    let published = 0;
    while (open().length === 2) {
      await publish(room, 50_000);
      published += 1;
      await good.next('message');
    }
    slow.resume();
    expect(await slow.closed()).toEqual({ code: 4002, reason: 'slow_consumer' });
    await until('the good one has them all', () => storedIn(good, room).length === published);
    const seen = storedIn(slow, room).length;
    const back = await chat.enter(room, sub, { since: `${partsOf(joined.cursor).epoch}.${seen}` });
    await until('it has the rest', () => storedIn(back, room).length === published - seen);
    expect(offsetsIn(back, room)).toEqual(range(seen + 1, published));
  }, 30_000);

  it('CN2 lets the longest queue go first above maxBufferedTotalBytes, and keeps the others', async () => {
    chat = await startChat({ maxBufferedBytes: 0, maxBufferedTotalBytes: 4 * MIB });
    const [much, little] = [freshRoom(), freshRoom()];
    await chat.enter(much, freshUser());
    const [longest, shorter] = [await chat.enter(much, freshUser()), await chat.enter(little, freshUser())];
    const shorterId = chat.registry.members(`chat/${little}`)[0]?.id;
    longest.pause();
    shorter.pause();
    while (open().length === 3) {
      for (const room of [much, much, little]) await publish(room, 60_000);
      await new Promise((resolve) => setImmediate(resolve)); // The sockets are looked at.
    }
    expect([open().length, open().some(({ id }) => id === shorterId)]).toEqual([2, true]);
    expect(chat.registry.members(`chat/${much}`).filter((member) => member.open)).toHaveLength(1);
  }, 30_000);

  function open() {
    return chat!.registry.connections().filter((connection) => connection.open);
  }
});
