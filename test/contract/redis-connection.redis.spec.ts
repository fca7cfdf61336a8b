import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisBroker } from '../../src/realtime/broker/redis-broker.js';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import type { RedisConnectionsOptions } from '../../src/realtime/broker/redis-connections.js';
import { BrokerUnavailableError, RealtimeConfigError } from '../../src/realtime/realtime.errors.js';
import { receive } from '../../src/testing/contracts/received.js';
import { until } from '../../src/testing/contracts/test-api.js';
import { RedisProcess } from '../support/redis-process.js';
import type { RedisProcessOptions } from '../support/redis-process.js';

const SETTINGS = { historySize: 1_000, historyTtlMs: 60_000, dedupeTtlMs: 60_000 };
const ALL = { since: 0, limit: 10_000, maxBytes: 100_000_000 };
const STORED = { store: true } as const;
const ROOM = 'chat/general';

let redis: RedisProcess;
let broker: RedisBroker;
let opened: RedisBroker[];

async function startRedis(options?: RedisProcessOptions): Promise<void> {
  await redis?.stop();
  redis = await RedisProcess.start(options);
}

function newBroker(options: Partial<RedisConnectionsOptions> = {}): RedisBroker {
  const connections = new RedisConnections({ redis: redis.url, commandTimeoutMs: 1_000, ...options });
  const made = new RedisBroker({ connections, ...SETTINGS });
  opened.push(made);
  return made;
}

async function openBroker(options: Partial<RedisConnectionsOptions> = {}): Promise<void> {
  broker = newBroker(options);
  await broker.open();
}

beforeEach(async () => {
  opened = [];
  await startRedis();
});
afterEach(async () => {
  await Promise.all(opened.map((made) => made.close()));
  await redis.stop();
});

function bytes(text: string): Buffer {
  return Buffer.from(text);
}

async function historyTexts(): Promise<string[]> {
  const { frames } = await broker.history(ROOM, ALL);
  return frames.map((frame) => frame.payload.toString());
}

describe('while Redis is away', () => {
  it('everything is refused at once, nothing waits for its return', async () => {
    await openBroker();
    await redis.kill();
    await until(
      () => broker.available,
      (available) => !available,
    );
    const startedAt = performance.now();
    await expect(broker.publish(ROOM, bytes('lost'), STORED)).rejects.toThrow(BrokerUnavailableError);
    await expect(broker.subscribe(ROOM, () => undefined)).rejects.toThrow(BrokerUnavailableError);
    await expect(broker.history(ROOM, ALL)).rejects.toThrow(BrokerUnavailableError);
    await expect(broker.positions([ROOM])).rejects.toThrow(BrokerUnavailableError);
    await expect(broker.clearHistory(ROOM)).rejects.toThrow(BrokerUnavailableError);
    await expect(broker.signal(bytes('lost'))).rejects.toThrow(BrokerUnavailableError);
    await expect(broker.ping(1_000)).rejects.toThrow(BrokerUnavailableError);
    await broker.unsubscribe(ROOM);
    expect(performance.now() - startedAt).toBeLessThan(500);

    await redis.restart();
    await until(
      () => broker.available,
      (available) => available,
    );
    expect((await broker.publish(ROOM, bytes('kept'), STORED)).offset).toBe(1);
    expect(await historyTexts()).toEqual(['kept']);
  });

  it('what was sent and not answered is refused, and not sent again', async () => {
    await openBroker();
    const { epoch } = await broker.publish(ROOM, bytes('first'), STORED);
    redis.pause();
    const results = await Promise.allSettled(['a', 'b', 'c'].map((text) => broker.publish(ROOM, bytes(text), STORED)));
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    await until(
      () => broker.available,
      (available) => !available,
    );
    redis.resume();
    await until(
      () => broker.available,
      (available) => available,
    );
    expect((await broker.publish(ROOM, bytes('last'), STORED)).epoch).toBe(epoch);
    const texts = await historyTexts();
    expect(new Set(texts).size).toBe(texts.length);
    expect([texts.at(0), texts.at(-1)]).toEqual(['first', 'last']);
  });

  it('it says so, and says when it is over', async () => {
    const warnings: string[] = [];
    await openBroker({ logger: { warn: (message) => warnings.push(message) } });
    const told: boolean[] = [];
    broker.onAvailability((available) => told.push(available));
    await redis.restart();
    await until(
      () => told,
      (changes) => changes.length === 2,
    );
    expect(told).toEqual([false, true]);
    expect(warnings).toEqual([expect.stringContaining('connection to Redis is lost')]);
  });
});

describe('after a restart of Redis', () => {
  it('subscriptions are there again, then it is told which, and messages come', async () => {
    await openBroker();
    const rooms = Array.from({ length: 1_200 }, (_, i) => `chat/${i}`);
    const received = await Promise.all(rooms.map((room) => receive(broker, room)));
    const told: string[] = [];
    broker.onInterrupted((addresses) => told.push(...addresses));
    await redis.restart();
    await until(
      () => told.length,
      (length) => length >= rooms.length,
    );
    expect(told.sort()).toEqual([...rooms].sort());
    await Promise.all(rooms.map((room) => broker.publish(room, bytes(room), STORED)));
    await Promise.all(received.map((one) => one.count(1)));
    expect(received.map((one) => one.texts)).toEqual(rooms.map((room) => [room]));
  });

  it('signals come again', async () => {
    await openBroker();
    const told: string[] = [];
    broker.onSignal((payload) => told.push(payload.toString()));
    await redis.restart();
    await until(
      async () => {
        await broker.signal(bytes('hello')).catch(() => undefined); // Until the connection is back.
        return told.length;
      },
      (length) => length > 0,
    );
    expect(told[0]).toBe('hello');
  });

  it('that lost everything, rooms begin anew without ancestors', async () => {
    await openBroker();
    const first = await broker.publish(ROOM, bytes('one'), STORED);
    await redis.restart();
    await until(
      () => broker.available,
      (available) => available,
    );
    const second = await broker.publish(ROOM, bytes('two'), STORED);
    expect(second.offset).toBe(1);
    expect(second.epoch).not.toBe(first.epoch);
    expect((await broker.positions([ROOM]))[0]?.ancestors).toEqual([]);
  });

  it('that kept its data, numbering goes on in a new epoch that remembers what survived', async () => {
    await startRedis({ persistent: true });
    await openBroker();
    const { epoch } = await broker.publish(ROOM, bytes('one'), STORED);
    await redis.kill();
    await redis.restart();
    await until(
      () => broker.available,
      (available) => available,
    );
    const [position] = await broker.positions([ROOM]);
    expect(position).toMatchObject({ top: 1, oldest: 1, ancestors: [{ epoch, top: 1 }] });
    expect(position?.epoch).not.toBe(epoch);
    expect((await broker.publish(ROOM, bytes('two'), STORED)).offset).toBe(2);
    expect(await historyTexts()).toEqual(['one', 'two']);
  });
});

describe('while Redis is there', () => {
  it('the first publishes to a server that knows no script yet keep their order, stored or not', async () => {
    await openBroker();
    for (let round = 0; round < 10; round += 1) {
      const room = `chat/${round}`;
      const received = await receive(broker, room);
      const pods = [newBroker(), newBroker(), newBroker()];
      await Promise.all(pods.map((pod) => pod.open()));
      await redis.command('SCRIPT', 'FLUSH');
      await Promise.all(
        pods.flatMap((pod, i) =>
          Array.from({ length: 30 }, (_, n) => pod.publish(room, bytes(`${i} ${n}`), { store: n % 3 > 0 })),
        ),
      );
      await received.count(90);
      for (const i of pods.keys()) {
        const texts = received.texts.filter((text) => text.startsWith(`${i} `));
        expect(texts).toEqual(Array.from({ length: 30 }, (_, n) => `${i} ${n}`));
      }
    }
  });

  it('an empty script cache changes neither order nor number of the publishes under way', async () => {
    await openBroker();
    const texts = Array.from({ length: 3_000 }, (_, i) => `m${i}`);
    const publishing: Promise<{ offset: number | undefined }>[] = [];
    for (let start = 0; start < texts.length; start += 20) {
      for (const text of texts.slice(start, start + 20)) publishing.push(broker.publish(ROOM, bytes(text), STORED));
      if (start % 100 === 0) await redis.command('SCRIPT', 'FLUSH');
    }
    const results = await Promise.all(publishing);
    expect(results.map((result) => result.offset)).toEqual(texts.map((_, i) => i + 1));
    expect(await historyTexts()).toEqual(texts.slice(-1_000));
    await redis.command('SCRIPT', 'FLUSH');
    expect((await broker.positions([ROOM]))[0]?.top).toBe(3_000);
  });

  it('a subscription that can not be renewed is tried again until it is', async () => {
    await openBroker();
    const received = await receive(broker, ROOM);
    const told: string[] = [];
    broker.onInterrupted((addresses) => told.push(...addresses));
    await redis.command('ACL', 'SETUSER', 'default', 'resetchannels');
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    // Twice means that it was tried again after it had failed.
    await until(
      async () => String(await redis.command('ACL', 'LOG')),
      (log) => Number(/count,(\d+),reason,channel/.exec(log)?.[1]) >= 2,
    );
    expect(told).toEqual([]);
    await redis.command('ACL', 'SETUSER', 'default', 'allchannels');
    await until(
      () => told,
      (addresses) => addresses.includes(ROOM),
    );
    await broker.publish(ROOM, bytes('again'), STORED);
    await received.text('again');
  });

  it('a subscriber connection that is killed alone comes back with its subscriptions', async () => {
    await openBroker();
    const received = await receive(broker, ROOM);
    const told: string[] = [];
    broker.onInterrupted((addresses) => told.push(...addresses));
    await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(
      () => told.length,
      (length) => length === 1,
    );
    await broker.publish(ROOM, bytes('x'), STORED);
    expect((await received.text('x')).offset).toBe(1);
  });

  it('a room whose metadata vanished begins anew, without frames of the old numbering', async () => {
    await openBroker();
    const first = await broker.publish(ROOM, bytes('old'), STORED);
    await broker.publish(ROOM, bytes('old too'), STORED);
    await redis.command('DEL', `rookery:{${ROOM}}:m`);
    const second = await broker.publish(ROOM, bytes('new'), STORED);
    expect(second).toMatchObject({ offset: 1, duplicate: false });
    expect(second.epoch).not.toBe(first.epoch);
    expect(await historyTexts()).toEqual(['new']);
  });

  it('every key begins with the prefix and has a time to live', async () => {
    await openBroker({ prefix: 'shop-1:' });
    await broker.publish(ROOM, bytes('x'), { store: true, dedupeKey: 'k' });
    await broker.positions(['chat/other']);
    const keys = ((await redis.command('KEYS', '*')) as string[]).sort();
    expect(keys).toEqual([
      'shop-1:{chat/general}:d:=k',
      'shop-1:{chat/general}:m',
      'shop-1:{chat/general}:s',
      'shop-1:{chat/other}:m',
    ]);
    for (const key of keys) expect(await redis.command('PTTL', key)).toBeGreaterThan(1_000);
  });

  it('what is not a message of a room is not delivered', async () => {
    await openBroker();
    const received = await receive(broker, ROOM);
    await redis.command('PUBLISH', `rookery:{${ROOM}}:c`, 'hello');
    await broker.publish(ROOM, bytes('x'), STORED);
    await received.text('x');
    expect(received.texts).toEqual(['x']);
  });
});

describe('opening', () => {
  it('is given up in time where nothing answers', async () => {
    await redis.kill();
    const away = newBroker({ openTimeoutMs: 300 });
    await expect(away.open()).rejects.toThrow(BrokerUnavailableError);
    await expect(newBroker({ openTimeoutMs: 300 }).open()).rejects.toThrow('ECONNREFUSED');
  });

  it('waits for a Redis that comes up a little later', async () => {
    await redis.kill();
    const opening = openBroker();
    await redis.restart();
    await opening;
    expect(broker.available).toBe(true);
  });

  it('says at once that a password is wrong, and never shows it', async () => {
    await startRedis({ config: { requirepass: 'right' } });
    for (const url of [redis.url, redis.url.replace('//', '//:hunter2@')]) {
      const refused = newBroker({ redis: url });
      await expect(refused.open()).rejects.toThrow(RealtimeConfigError);
      await expect(newBroker({ redis: url }).open()).rejects.not.toThrow(/hunter2/);
    }
    await openBroker({ redis: redis.url.replace('//', '//:right@') });
    expect((await broker.publish(ROOM, bytes('x'), STORED)).offset).toBe(1);
  });

  it('says what a cluster of one node lacks that does not know its address', async () => {
    await startRedis({ config: { 'cluster-enabled': 'yes', 'cluster-config-file': 'nodes.conf' } });
    await redis.command('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    const lone = newBroker({ redis: redis.url.replace('redis:', 'redis+cluster:'), openTimeoutMs: 1_000 });
    await expect(lone.open()).rejects.toThrow('cluster-announce-ip');
  });

  it('warns of an eviction policy that takes histories away', async () => {
    await startRedis({ config: { 'maxmemory-policy': 'allkeys-lru' } });
    const warnings: string[] = [];
    await openBroker({ logger: { warn: (message) => warnings.push(message) } });
    expect(warnings).toEqual([expect.stringContaining('allkeys-lru')]);
  });

  it('takes ioredis options, also where they are made for something else', async () => {
    const options = { host: '127.0.0.1', port: redis.port, db: 2, protocol: 2, lazyConnect: false } as const;
    await openBroker({ redis: { ...options, enableOfflineQueue: true, autoResendUnfulfilledCommands: true } });
    const received = await receive(broker, ROOM);
    await broker.publish(ROOM, bytes('x'), STORED);
    expect((await received.count(1))[0]?.offset).toBe(1);
    expect(await redis.command('DBSIZE')).toBe(0);
    await redis.kill();
    await expect(broker.publish(ROOM, bytes('y'), STORED)).rejects.toThrow(BrokerUnavailableError);
  });

  it('takes a factory, and lets its client go', async () => {
    const made: Redis[] = [];
    await openBroker({
      redis: () => {
        made.push(new Redis({ host: '127.0.0.1', port: redis.port, connectionName: 'shop' }));
        return made[0] as Redis;
      },
    });
    expect((await broker.publish(ROOM, bytes('x'), STORED)).offset).toBe(1);
    const clients = String(await redis.command('CLIENT', 'LIST'));
    expect([...clients.matchAll(/ name=(shop\S*)/g)].map((match) => String(match[1])).sort()).toEqual([
      'shop:commands',
      'shop:subscriber',
    ]);
    expect(made).toHaveLength(1);
  });

  it('refuses what can not work before it connects', () => {
    expect(() => newBroker({ redis: { keyPrefix: 'x:' } })).toThrow('redisPrefix');
    expect(() => newBroker({ redis: () => new Redis({ lazyConnect: true, keyPrefix: 'x:' }) })).toThrow('redisPrefix');
    expect(() => newBroker({ redis: (() => ({})) as unknown as () => Redis })).toThrow(RealtimeConfigError);
    expect(() => newBroker({ redis: 'redis://a,b' })).toThrow(RealtimeConfigError);
    expect(() => newBroker({ prefix: '{x}' })).toThrow('redisPrefix');
  });
});
