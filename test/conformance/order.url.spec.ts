import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { AckFrame } from '../../src/protocol/index.js';
import { freshRoom, freshUser, heard, offsetsIn, range, say, sayMany, storedIn } from '../support/chat.js';
import { openChat } from '../support/chat-server.js';

describe('order, from outside', () => {
  let chat: Awaited<ReturnType<typeof openChat>>;

  beforeAll(async () => {
    chat = await openChat();
  });
  afterEach(() => chat.cleanUp());
  afterAll(() => chat.close());

  it('OR1 shows every member every stored frame once, in one order, whoever writes', async () => {
    const room = freshRoom();
    const clients = await Promise.all(range(0, 4).map((pod) => chat.enter(room, freshUser(), { pod })));
    await Promise.all(clients.map((client) => sayMany(client, 30)));
    await say(clients[0]!, 'marker');
    await Promise.all(clients.map((client) => heard(client, 'marker')));
    for (const client of clients) expect(offsetsIn(client, room)).toEqual(range(1, 151));
    const orders = clients.map((client) => storedIn(client, room).map(({ id }) => id));
    for (const order of orders) expect(order).toEqual(orders[0]);
  });

  it('OR1 shows whoever comes in between every frame after its cursor once, in order', async () => {
    const room = freshRoom();
    const writer = await chat.enter(room, freshUser());
    const writing = sayMany(writer, 60);
    const late = [];
    for (let i = 0; i < 10; i += 1) late.push(await chat.visit(room, freshUser(), { pod: i }));
    await writing;
    await say(writer, 'marker');
    for (const { client, joined } of late) {
      await heard(client, 'marker');
      expect(offsetsIn(client, room)).toEqual(range(Number(joined.cursor.split('.')[1]) + 1, 61));
    }
  });

  it('OR3 stores the frames of one connection to one room in the order sent, without waiting for acks', async () => {
    const room = freshRoom();
    const client = await chat.enter(room, freshUser());
    const ids = range(1, 60).map((n) => `n${n}`);
    for (const id of ids) client.send({ type: 'message', id, text: id });
    const acks = await Promise.all(ids.map((id) => client.answer<AckFrame>(id)));
    expect(acks.map(({ offset }) => offset)).toEqual(range(1, 60));
    await heard(client, 'n60');
    expect(storedIn(client, room).map(({ id }) => id)).toEqual(ids);
  });

  it('OR3 keeps the order also where the frames come with the upgrade', async () => {
    const room = freshRoom();
    const client = await chat.connect(room, freshUser());
    for (const n of range(1, 30)) client.send({ type: 'message', text: `n${n}` });
    await heard(client, 'n30');
    expect(storedIn(client, room).map((frame) => frame['text'])).toEqual(range(1, 30).map((n) => `n${n}`));
  });

  it('OR3 keeps the order of each room where frames to several are mixed', async () => {
    const rooms = [freshRoom(), freshRoom(), freshRoom()];
    const client = await chat.lobby(freshUser());
    for (const room of rooms) await client.request({ type: 'join', room });
    for (const n of range(1, 20))
      for (const room of rooms) client.send({ type: 'message', room, text: `${room} ${n}` });
    for (const room of rooms) {
      await heard(client, `${room} 20`);
      expect(storedIn(client, room).map((frame) => frame['text'])).toEqual(range(1, 20).map((n) => `${room} ${n}`));
    }
  });
});
