import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RealtimeEvents } from '../../src/index.js';
import type { RealtimeOptions } from '../../src/index.js';
import { FlakyBroker, ManualClock } from '../../src/testing/index.js';
import type { TestClient } from '../../src/testing/index.js';
import { memoryBroker, memoryStore } from '../support/brokers.js';
import { freshRoom, freshUser, heard, joinedIn, offsetsIn, partsOf, range } from '../support/chat.js';
import type { VisitOptions } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { until } from '../support/within.js';

const CHUNK_BYTES = 256 * 1024;
/** What a socket holds before it says that it must drain, and a header per frame. */
const SLACK_BYTES = 20_000;
/** More frames of this size than the kernel keeps for a reader that reads nothing. */
const FRAME_BYTES = 60_000;
const BACKLOG = 200;

type Reader = Awaited<ReturnType<typeof open>>;

let chat: ChatServer | undefined;
let clock: ManualClock;
let broker: FlakyBroker;

beforeEach(() => {
  clock = new ManualClock();
  broker = new FlakyBroker(memoryBroker({ store: memoryStore({ clock, historySize: BACKLOG + 20 }) }));
});

afterEach(() => chat?.close());

async function start(options: RealtimeOptions = {}): Promise<ChatServer> {
  chat = await startChat({ clock, broker, ...options });
  return chat;
}

/** Publishes so many frames that can't be compressed. @returns the cursor before the first one. */
async function publish(address: string, count: number): Promise<string> {
  const texts = Array.from({ length: count }, () => randomBytes((FRAME_BYTES * 3) / 4).toString('base64'));
  const results = await Promise.all(texts.map((text) => chat!.realtime.to(address).publish('message', { text })));
  return `${results[0]!.epoch}.${results[0]!.offset! - 1}`;
}

/** Somebody whose connection can be looked at from the server's side. */
async function open(room: string | undefined, options: VisitOptions = {}) {
  const known = new Set(chat!.registry.connections());
  const client = await chat!.connect(room, freshUser(), { timeoutMs: 15_000, ...options });
  const connection = chat!.registry.connections().find((candidate) => !known.has(candidate))!;
  return { client, connection, outbox: connection.outbox };
}

/** Waits until the socket takes no more of a replay: a chunk is under way, and no other is read. */
async function stuck({ outbox }: Reader): Promise<void> {
  let reads = -1;
  let same = 0;
  await until('the replay stands still', () => {
    same = outbox.chunkBytes > 0 && reads === broker.count('history') ? same + 1 : 0;
    reads = broker.count('history');
    return same > 20;
  });
}

/** A room with a backlog, and a reader who asked for all of it and reads nothing. */
async function stuckReader(options: VisitOptions = {}) {
  const room = freshRoom();
  const since = await publish(`chat/${room}`, BACKLOG);
  const reader = await open(room, { since, ...options });
  reader.client.pause();
  await stuck(reader);
  return { room, address: `chat/${room}`, ...reader };
}

/** Reads so many messages from the socket, and stops again. */
async function readSome(client: TestClient, count: number): Promise<void> {
  let left = count;
  await new Promise<void>((resolve) => {
    client.ws.on('message', function onMessage() {
      left -= 1;
      if (left > 0) return;
      client.pause();
      client.ws.off('message', onMessage);
      resolve();
    });
    client.resume();
  });
}

const readUpTo = (client: TestClient, offset: number): Promise<unknown> =>
  client.next((frame) => frame.offset === offset && frame.type === 'message');

describe('a replay to somebody who reads slowly', () => {
  it.each([false, true])(
    'RC5 has one chunk under way, and reads newer frames from history afterwards, compression: %s',
    async (compression) => {
      await start({ compression, heartbeatMs: 0 });
      const { room, address, client, outbox } = await stuckReader({ compression });
      expect(outbox.pendingBytes).toBeGreaterThan(0);
      expect(outbox.pendingBytes).toBeLessThan(CHUNK_BYTES + SLACK_BYTES);
      const reads = broker.count('history');
      await publish(address, 20);
      expect(broker.count('history')).toBe(reads);
      expect(outbox.pendingBytes).toBeLessThan(CHUNK_BYTES + SLACK_BYTES);
      client.resume();
      await readUpTo(client, BACKLOG + 20);
      expect(offsetsIn(client, room)).toEqual(range(1, BACKLOG + 20));
      await chat!.realtime.to(address).publish('message', { text: 'live' });
      await heard(client, 'live');
      expect(client.isOpen).toBe(true);
    },
  );

  it('RC5 does not take for slow who reads on, however large the backlog and however long it takes', async () => {
    await start({ maxBufferedBytes: 100_000 });
    const { room, client, connection, outbox } = await stuckReader();
    for (let step = 1; step <= 12; step += 1) {
      await until('the next chunk is under way', () => outbox.chunkBytes > 0);
      clock.advance(9_000);
      await readSome(client, 3);
      await until('the server has seen it read on', () => (connection.stalledSince ?? clock.now()) === clock.now());
    }
    client.resume();
    await readUpTo(client, BACKLOG);
    expect(offsetsIn(client, room)).toEqual(range(1, BACKLOG));
    expect(client.isOpen).toBe(true);
  });

  it('RC5 holds up nobody else in the room when a member goes while a chunk of it is read', async () => {
    await start({ heartbeatMs: 0 });
    const room = freshRoom();
    const since = await publish(`chat/${room}`, 20);
    const other = await open(room);
    const repaired: string[] = [];
    chat!.server.app.get(RealtimeEvents).on('roomRepaired', ({ address }) => repaired.push(address));
    const before = broker.count('history');
    const leaving = chat!.connect(room, freshUser(), { since });
    await broker.called('history', before);
    broker.hang('history');
    await broker.called('history', before + 1);
    (await leaving).destroy();
    await until('the server knows that it is gone', () => chat!.registry.connections().length === 1);
    broker.heal();
    await chat!.realtime.to(`chat/${room}`).publish('message', { text: 'live' });
    await heard(other.client, 'live');
    expect(repaired).toEqual([]);
    expect(broker.count('history')).toBe(before + 2);
  });

  it('RC5 closes with 4002 when nothing drains for 10 s, not before, and recovers on return', async () => {
    await start();
    const { room, client, connection } = await stuckReader();
    clock.advance(9_500);
    expect(connection.open).toBe(true);
    clock.advance(1_000);
    expect(connection.open).toBe(false);
    client.resume();
    expect(await client.closed()).toEqual({ code: 4002, reason: 'slow_consumer' });
    const seen = offsetsIn(client, room).length;
    expect(offsetsIn(client, room)).toEqual(range(1, seen));
    const { epoch } = partsOf((await joinedIn(client, room)).cursor);
    const { client: again } = await open(room, { since: `${epoch}.${seen}` });
    await readUpTo(again, BACKLOG);
    expect(offsetsIn(again, room)).toEqual(range(seen + 1, BACKLOG));
  });

  it('RC5 waits for a minute while it reads live frames that stand before its replay, which have few pings', async () => {
    await start({ heartbeatMs: 0 });
    const room = freshRoom();
    const since = await publish(`chat/${room}`, BACKLOG);
    const reader = await open(undefined);
    reader.client.pause();
    for (let n = 0; n < 4; n += 1) reader.connection.send({ type: 'news', text: 'x'.repeat(FRAME_BYTES) });
    reader.client.send({ type: 'join', room, since });
    await stuck(reader);
    clock.advance(59_500);
    expect(reader.connection.open).toBe(true);
    clock.advance(1_000);
    expect(reader.connection.open).toBe(false);
  });

  it('RC5 ends with a second joined where a frame that it owes is gone; what was sent stands', async () => {
    await start({ heartbeatMs: 0 });
    const { room, address, client } = await stuckReader();
    await publish(address, BACKLOG); // What the room keeps is newer now than what the reader is owed next.
    client.resume();
    expect(await joinedIn(client, room)).toMatchObject({ recovered: true });
    const second = await joinedIn(client, room);
    expect(second).toMatchObject({ recovered: false, members: 1 });
    expect(second).not.toHaveProperty('id');
    expect(partsOf(second.cursor).offset).toBe(2 * BACKLOG);
    const sent = offsetsIn(client, room);
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.length).toBeLessThan(BACKLOG);
    expect(sent).toEqual(range(1, sent.length));
    await chat!.realtime.to(address).publish('message', { text: 'live' });
    expect((await heard(client, 'live')).offset).toBe(2 * BACKLOG + 1);
    expect(offsetsIn(client, room)).toEqual([...sent, 2 * BACKLOG + 1]);
  });

  it('RC5 has one chunk under way for all rooms of a connection, which take turns', async () => {
    await start({ heartbeatMs: 0 });
    const rooms = [freshRoom(), freshRoom(), freshRoom()];
    const cursors = await Promise.all(rooms.map((room) => publish(`chat/${room}`, BACKLOG / 2)));
    const reader = await open(undefined);
    const { client, outbox } = reader;
    await client.next('welcome');
    rooms.forEach((room, i) => client.send({ type: 'join', room, since: cursors[i] }));
    client.pause();
    await stuck(reader);
    expect(outbox.chunkBytes).toBeLessThan(CHUNK_BYTES + SLACK_BYTES);
    expect(outbox.pendingBytes).toBeLessThan(CHUNK_BYTES + SLACK_BYTES);
    client.resume();
    await client.take((BACKLOG / 2) * 3, 'message');
    for (const room of rooms) expect(offsetsIn(client, room)).toEqual(range(1, BACKLOG / 2));
    const order = client.received.filter(({ type }) => type === 'message').map(({ room }) => room);
    const begun = rooms.map((room) => order.indexOf(room));
    expect(Math.max(...begun)).toBeLessThan(20);
  });

  it('RC5 leaves the limit of CN2 to what other rooms of the connection send meanwhile', async () => {
    await start({ heartbeatMs: 0 });
    const { client, connection, outbox } = await stuckReader();
    const other = freshRoom();
    client.send({ type: 'join', room: other });
    await until('the other room was joined', () => chat!.registry.members(`chat/${other}`).length === 1);
    await publish(`chat/${other}`, 16);
    await until('it waits', () => outbox.pendingBytes > 16 * FRAME_BYTES);
    await open(other); // Long enough to judge a reader.
    expect(outbox.pendingBytes).toBeGreaterThan(1_048_576);
    expect(connection.open).toBe(true);
    await publish(`chat/${other}`, 6);
    await until('it is too much', () => !connection.open);
    expect(connection.closedWith).toMatchObject({ code: 4002, reason: 'slow_consumer' });
  });
});
