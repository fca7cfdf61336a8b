import { afterEach, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { RealtimeClient } from '../../src/client/index.js';
import { RealtimeEvents, RealtimeGateway } from '../../src/index.js';
import type { PublishOptions, RealtimeOptions, RealtimeUsageError } from '../../src/index.js';
import { FlakyBroker, ManualClock, startTestServer } from '../../src/testing/index.js';
import type { AckFrame, ErrorFrame, MessageFrame } from '../../src/protocol/index.js';
import { memoryBroker, memoryStore } from '../support/brokers.js';
import { freshRoom, freshUser, range } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { boardOf, LATEST_CURSOR, priced, pricesIn, quote, watch } from '../support/ticker.js';
import { until } from '../support/within.js';

const CHUNK_BYTES = 256 * 1024;
/** What a socket holds before it says that it must drain, and what stands around the frames. */
const SLACK_BYTES = 100_000;

let chat: ChatServer | undefined;

afterEach(async () => {
  await chat?.close();
  chat = undefined;
});

async function start(options: RealtimeOptions = {}): Promise<ChatServer> {
  chat = await startChat({ messagesPerSecond: 0, ...options });
  return chat;
}

const publish = (room: string, symbol: string, price: number, bytes = 0) =>
  quote(chat!.realtime, room, symbol, price, bytes);

/** The connections of a room, seen from the server. */
const connectionsIn = (room: string) => chat!.registry.members(`ticker/${room}`);

describe('rooms of kind latest', () => {
  it('OR4 sends the newest frame of each key after joined, in the order of their publishes, without an offset', async () => {
    await start();
    const room = freshRoom();
    for (const [symbol, price] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
      ['c', 4],
    ] as const)
      await publish(room, symbol, price);
    const { client, joined } = await watch(chat!, room);
    expect(joined).toEqual({ type: 'joined', room, cursor: LATEST_CURSOR, members: 1 });
    const first = await client.next<MessageFrame>((frame) => frame.type === 'price');
    expect(first).toMatchObject({ type: 'price', room, symbol: 'b', price: 2 });
    expect(first).not.toHaveProperty('offset');
    expect(first).not.toHaveProperty('key');
    await priced(client, 4);
    await publish(room, 'b', 5);
    await priced(client, 5);
    expect(pricesIn(client)).toEqual(['b 2', 'a 3', 'c 4', 'b 5']);
  });

  it('OR4 sends everything anew to who comes back, whatever it had, and to who joins once more', async () => {
    await start();
    const room = freshRoom();
    await publish(room, 'a', 1);
    const back = await watch(chat!, room, { since: LATEST_CURSOR });
    expect(back.joined).toMatchObject({ recovered: true, cursor: LATEST_CURSOR });
    await priced(back.client, 1);
    for (const since of ['elsewhere.7', 'garbage']) {
      const { client, joined } = await watch(chat!, room, { since });
      expect(joined).toMatchObject({ recovered: false, cursor: LATEST_CURSOR });
      await priced(client, 1);
    }
    const again = await back.client.request({ type: 'join', room });
    expect(again).toMatchObject({ type: 'joined', cursor: LATEST_CURSOR });
    expect(again).not.toHaveProperty('recovered');
    await priced(back.client, 1);
    expect(pricesIn(back.client)).toEqual(['a 1', 'a 1']);
  });

  it('OR4 keeps 1,000 keys: the one that was published the longest ago goes', async () => {
    await start();
    const room = freshRoom();
    const { client: there } = await watch(chat!, room);
    await Promise.all(range(1, 1_000).map((n) => publish(room, `k${n}`, n)));
    await publish(room, 'k1', 1_001);
    await publish(room, 'new', 1_002);
    await priced(there, 1_002);
    const { client } = await watch(chat!, room);
    await priced(client, 1_002);
    const board = boardOf(client);
    expect(Object.keys(board)).toHaveLength(1_000);
    expect(board).toMatchObject({ k1: 1_001, new: 1_002, k3: 3 });
    expect(board).not.toHaveProperty('k2');
  });

  it('OR4 takes what a handler publishes under a key: acknowledged without an offset, and once per id', async () => {
    await start();
    const room = freshRoom();
    const { client } = await watch(chat!, room);
    const id = randomUUID();
    for (const price of [1, 2]) {
      const ack = await client.request<AckFrame>({ type: 'price', id, symbol: 'a', price });
      expect(ack).toEqual({ type: 'ack', id });
    }
    await client.request({ type: 'price', symbol: 'a', price: 3 });
    await priced(client, 3);
    expect(pricesIn(client)).toEqual(['a 1', 'a 3']);
    expect(await client.request({ type: 'keyless' })).toMatchObject({ type: 'error', code: 'internal' });
    expect(client.isOpen).toBe(true);
  });

  it('OR4 announces who comes and goes, to who is just being sent what is there too', async () => {
    await start();
    const room = freshRoom();
    await publish(room, 'a', 1);
    const { client } = await watch(chat!, room);
    expect(await client.next('system')).toMatchObject({ event: 'joined', members: 1 });
    const other = await watch(chat!, room);
    await other.client.close(1000);
    await client.next((frame) => frame['event'] === 'left');
  });

  it('OR4 has no history', async () => {
    await start();
    const room = freshRoom();
    const { client } = await watch(chat!, room);
    expect(await client.request<ErrorFrame>({ type: 'history' })).toMatchObject({ type: 'error', code: 'not_found' });
    const at = chat!.realtime.to(`ticker/${room}`);
    await expect(at.history()).rejects.toMatchObject({ code: 'bad_usage' });
    await expect(at.clearHistory()).rejects.toMatchObject({ code: 'bad_usage' });
  });

  it.each<[string, string, PublishOptions | { key: unknown }, string]>([
    ['without a key', 'ticker/x', {}, 'expected a key of 1 to 128 characters'],
    ['with an empty key', 'ticker/x', { key: '' }, 'got ""'],
    ['with a key that is too long', 'ticker/x', { key: 'k'.repeat(129) }, 'got 129 characters'],
    ['with a key that is no text', 'ticker/x', { key: 7 }, 'got a value of type number'],
    ['with a control character in the key', 'ticker/x', { key: 'a\nb' }, 'none of them a control character'],
    ['with half a character in the key', 'ticker/x', { key: 'a\ud800' }, 'none of them a control character'],
    ['that is not stored', 'ticker/x', { key: 'k', store: false }, 'leave out "store: false"'],
    ['that leaves somebody out', 'ticker/x', { key: 'k', except: 'c' }, 'leave out "store: false" and "except"'],
    ['with a key into a room of another kind', 'chat/x', { key: 'k' }, `roomKind: 'latest'`],
    ['with a key into an unknown namespace', 'elsewhere/x', { key: 'k' }, '"latestNamespaces"'],
  ])('OR4 refuses a publish %s', async (_what, address, options, why) => {
    await start();
    const refused = await chat!.realtime
      .to(address)
      .publish('price', {}, options as PublishOptions)
      .catch((error: RealtimeUsageError) => error);
    expect(refused).toMatchObject({ code: 'bad_usage' });
    expect((refused as Error).message).toContain(why);
  });

  it('OR4 holds for a process without the gateway that names the namespace', async () => {
    const worker = await startTestServer({ options: { latestNamespaces: ['ticker'] } });
    try {
      const at = worker.realtime.to('ticker/x');
      expect(await at.publish('price', {}, { key: 'k' })).toMatchObject({ offset: undefined, duplicate: false });
      await expect(at.publish('price', {})).rejects.toMatchObject({ code: 'bad_usage' });
      await worker.realtime.namespace('ticker').publish('notice', {}); // That is no room of it.
    } finally {
      await worker.close();
    }
  });

  it('OR4 does not start where options contradict each other', async () => {
    @RealtimeGateway('/ws/text', { codec: 'text', roomKind: 'latest' })
    class TextGateway {}
    @RealtimeGateway('/ws/plain')
    class PlainGateway {}
    await expect(startTestServer({ gateways: [TextGateway] })).rejects.toThrow(`roomKind 'latest' needs codec 'json'`);
    const contradicted = startTestServer({ gateways: [PlainGateway], options: { latestNamespaces: ['plain'] } });
    await expect(contradicted).rejects.toThrow('"latestNamespaces" names its namespace, "plain"');
    const misnamed = startTestServer({ options: { latestNamespaces: ['a/b'] } });
    await expect(misnamed).rejects.toThrow('latestNamespaces: expected names of namespaces, got "a/b"');
  });
});

describe("Rookery's own client in a room of kind latest", () => {
  it('OR4 has what is there after each cut, without a gap, and each frame that comes', async () => {
    await start();
    const room = freshRoom();
    const sub = freshUser();
    const sockets: WebSocket[] = [];
    const client = new RealtimeClient(`${chat!.url}/ws/ticker`, {
      token: () => chat!.token(sub),
      random: () => 0,
      WebSocket: class extends WebSocket {
        constructor(url: string, protocols: string[]) {
          super(url, protocols);
          sockets.push(this);
        }
      },
    });
    try {
      const prices: unknown[] = [];
      const gaps: unknown[] = [];
      const ticker = client.room(room);
      ticker.on('price', (frame) => prices.push((frame as unknown as { price: number }).price));
      ticker.on('gap', (gap) => gaps.push(gap));
      client.connect();
      await until('it is in', () => ticker.status === 'joined');
      for (const price of [1, 2]) {
        const id = randomUUID();
        await quote(chat!.realtime, room, 'a', price);
        await quote(chat!.realtime, room, 'b', price + 10);
        expect(await ticker.send('price', { symbol: 'c', price: price + 20 }, { id })).toEqual({});
        await until('it has all', () => prices.at(-1) === price + 20);
        sockets.at(-1)!.terminate();
        await until('it was cut', () => ticker.status === 'joining');
        await until('it has all again', () => prices.length === 6 * price);
      }
      expect(prices).toEqual([1, 11, 21, 1, 11, 21, 2, 12, 22, 2, 12, 22]);
      expect(gaps).toEqual([]);
      expect(ticker.cursor).toBe(LATEST_CURSOR);
    } finally {
      client.close();
    }
  });
});

describe('a member of a room of kind latest who reads slowly', () => {
  it.each([false, true])(
    'OR4 gets the newest frame per key, is never too slow, and costs a chunk at most, compression: %s',
    async (compression) => {
      await start({ compression, heartbeatMs: 0 });
      const room = freshRoom();
      const { client: good } = await watch(chat!, room, { compression });
      const { client: slow } = await watch(chat!, room, { compression });
      const [, connection] = connectionsIn(room);
      slow.pause();
      let most = 0;
      // Incompressible, and far more than the kernel holds, maxBufferedBytes (1 MiB) and all keys together.
      for (const price of range(1, 2_000)) {
        await chat!.realtime
          .to(`ticker/${room}`)
          .publish(
            'price',
            { symbol: `s${price % 10}`, price, noise: randomBytes(12_000).toString('base64') },
            { key: `s${price % 10}` },
          );
        if (price % 20 === 0) await priced(good, price);
        most = Math.max(most, connection!.outbox.pendingBytes);
      }
      expect(connection!.open).toBe(true);
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThan(CHUNK_BYTES + SLACK_BYTES);
      slow.resume();
      await priced(slow, 2_000);
      expect(boardOf(slow)).toEqual(boardOf(good));
      const prices = pricesIn(slow).map((text) => Number(text.split(' ')[1]));
      expect(prices.length).toBeLessThan(1_500);
      expect(prices).toEqual([...prices].sort((a, b) => a - b)); // In the order of the publishes, none twice.
      await publish(room, 's1', 3_000);
      await priced(slow, 3_000);
      expect(slow.isOpen).toBe(true);
    },
    60_000,
  );

  it('OR4 is closed for no burst, however much comes at once', async () => {
    await start({ maxBufferedBytes: 200_000 });
    const room = freshRoom();
    const { client } = await watch(chat!, room);
    await Promise.all(range(1, 3_000).map((n) => publish(room, `s${n % 30}`, n, 1_000)));
    await priced(client, 3_000);
    await publish(room, 'large', 3_001, 400_000); // One frame may be larger than the limit.
    await priced(client, 3_001);
    expect(Object.keys(boardOf(client))).toHaveLength(31);
    expect(client.isOpen).toBe(true);
  });

  it('OR4 gets what is there chunk by chunk when it joins, as its socket drains', async () => {
    await start({ heartbeatMs: 0 });
    const room = freshRoom();
    await Promise.all(range(1, 300).map((n) => publish(room, `k${n}`, n, 40_000)));
    const client = await chat!.connect(undefined, freshUser(), { path: `/ws/ticker/${room}` });
    client.pause();
    await until('a chunk waits', () => (connectionsIn(room)[0]?.outbox.chunkBytes ?? 0) > 0);
    const [connection] = connectionsIn(room);
    await until('the kernel takes no more', async () => {
      const before = connection!.outbox.pendingBytes;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return before > 0 && before === connection!.outbox.pendingBytes;
    });
    expect(connection!.outbox.pendingBytes).toBeLessThan(CHUNK_BYTES + SLACK_BYTES);
    await publish(room, 'k300', 301, 40_000);
    client.resume();
    await priced(client, 301);
    expect(pricesIn(client)).toEqual([...range(1, 299).map((n) => `k${n} ${n}`), 'k300 301']);
  });

  it('OR4 still gets everything else, in its order', async () => {
    await start({ heartbeatMs: 0 });
    const room = freshRoom();
    const { client } = await watch(chat!, room);
    const [connection] = connectionsIn(room);
    client.pause();
    let price = 0;
    while (connection!.outbox.takes(0, Number.POSITIVE_INFINITY)) {
      price += 1;
      await publish(room, 's', price, 60_000);
      await new Promise((resolve) => setImmediate(resolve)); // The socket is looked at.
    }
    for (const n of range(1, 3)) {
      connection!.send({ type: 'note', n });
      await publish(room, 's', price + n);
    }
    client.resume();
    await priced(client, price + 3);
    const notes = client.received.filter(({ type }) => type === 'note');
    expect(notes.map((note) => note['n'])).toEqual([1, 2, 3]);
    expect(pricesIn(client)).not.toContain(`s ${price + 1}`);
    expect(client.isOpen).toBe(true);
  });
});

describe('a pod that misses frames of a room of kind latest', () => {
  async function startFlaky(options: RealtimeOptions = {}) {
    const store = memoryStore();
    const flaky = new FlakyBroker(memoryBroker({ store }));
    await start({ broker: flaky, positionCheckMs: 0, ...options });
    return { store, flaky };
  }

  it('OR4 has the newest ones within positionCheckMs after a loss that nobody told', async () => {
    const { flaky } = await startFlaky({ positionCheckMs: 20 });
    const room = freshRoom();
    await publish(room, 'a', 1);
    const { client } = await watch(chat!, room);
    flaky.dropDeliveries();
    const subscribed = flaky.count('subscribe');
    for (const price of [2, 3]) await publish(room, 'a', price);
    await publish(room, 'b', 4);
    await priced(client, 4);
    expect(pricesIn(client)).toEqual(['a 1', 'a 3', 'b 4']);
    expect(flaky.count('subscribe')).toBeGreaterThan(subscribed);
    await client.expectNone('joined');
  });

  it('OR4 repairs at the first frame behind a hole, and when a subscription was interrupted', async () => {
    const { flaky } = await startFlaky();
    const room = freshRoom();
    const { client } = await watch(chat!, room);
    flaky.dropDeliveries();
    await publish(room, 'a', 1);
    flaky.heal();
    await publish(room, 'b', 2);
    await priced(client, 2);
    flaky.dropDeliveries();
    await publish(room, 'a', 3);
    flaky.interrupt([`ticker/${room}`]);
    await priced(client, 3);
    expect(pricesIn(client)).toEqual(['a 1', 'b 2', 'a 3']);
  });

  it('OR4 does not send what comes late once more, when a newer one was read', async () => {
    const { flaky } = await startFlaky();
    const room = freshRoom();
    const { client } = await watch(chat!, room);
    flaky.holdDeliveries();
    for (const price of [1, 2, 3]) await publish(room, 'a', price);
    flaky.interrupt([`ticker/${room}`]);
    await priced(client, 3);
    flaky.heal();
    await publish(room, 'b', 4);
    await priced(client, 4);
    expect(pricesIn(client)).toEqual(['a 3', 'b 4']);
  });

  it('OR4 sends what the store has to everybody where it began anew, without what was lost', async () => {
    const { store, flaky } = await startFlaky({ positionCheckMs: 20 });
    const room = freshRoom();
    const { client } = await watch(chat!, room);
    for (const price of [1, 2]) await publish(room, `s${price}`, price);
    await publish(room, 's1', 3);
    await priced(client, 3);
    store.beginEpoch(`ticker/${room}`, 2); // The third is lost, and the first was replaced by it.
    await priced(client, 2);
    flaky.heal();
    await publish(room, 's1', 4);
    await priced(client, 4);
    expect(pricesIn(client)).toEqual(['s1 1', 's2 2', 's1 3', 's2 2', 's1 4']);
    const { client: late } = await watch(chat!, room);
    await priced(late, 4);
    expect(pricesIn(late)).toEqual(['s2 2', 's1 4']);
  });

  it('OR4 lets nothing older follow on what is newer where frames come while it reads', async () => {
    const inner = memoryBroker();
    const read = inner.latest.bind(inner);
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    inner.latest = async (...args) => {
      const page = await read(...args);
      await held;
      return page;
    };
    const flaky = new FlakyBroker(inner);
    await start({ broker: flaky, positionCheckMs: 0 });
    const room = freshRoom();
    await publish(room, 'a', 1);
    const reading = flaky.called('latest');
    const watching = watch(chat!, room);
    await reading;
    for (const n of range(2, 1_002)) await publish(room, 'a', n); // One more than are kept meanwhile.
    answer();
    const { client } = await watching;
    await priced(client, 1_002);
    await publish(room, 'b', 2_000);
    await priced(client, 2_000);
    expect(pricesIn(client)).toEqual(['a 1002', 'b 2000']);
  });

  it('OR4 forgets what the store forgot', async () => {
    const clock = new ManualClock();
    await start({ broker: memoryBroker({ clock, historyTtlMs: 60_000 }), positionCheckMs: 20 });
    const room = freshRoom();
    const { client: there } = await watch(chat!, room);
    await publish(room, 'a', 1);
    await priced(there, 1);
    clock.advance(60_000);
    await until('nothing is there any more', async () => {
      const { client } = await watch(chat!, room);
      await client.roundTrip();
      return pricesIn(client).length === 0;
    });
    await publish(room, 'b', 2);
    await priced(there, 2);
  });

  it('OR4 drops a frame without a key that somebody else stored there, and says so once', async () => {
    const store = memoryStore();
    await start({ broker: memoryBroker({ store }) });
    const room = freshRoom();
    const { client } = await watch(chat!, room);
    const failed: unknown[] = [];
    chat!.server.app.get(RealtimeEvents).on('taskFailed', ({ error }) => failed.push(error));
    const stranger = memoryBroker({ store });
    await stranger.open();
    for (const type of ['stray', 'stray']) {
      await stranger.publish(`ticker/${room}`, Buffer.from(JSON.stringify({ type })), { store: true });
    }
    await publish(room, 'a', 1);
    await client.expectNone('stray', () => priced(client, 1));
    expect(failed).toMatchObject([{ code: 'bad_usage' }]);
    await stranger.close();
  });
});
