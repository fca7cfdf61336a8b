import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Cluster } from 'ioredis';
import { RedisBroker } from '../../src/realtime/broker/redis-broker.js';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import type { RedisConnectionsOptions } from '../../src/realtime/broker/redis-connections.js';
import { BrokerUnavailableError, RealtimeConfigError } from '../../src/realtime/realtime.errors.js';
import { receive } from '../../src/testing/contracts/received.js';
import { nextTurn, until } from '../../src/testing/contracts/test-api.js';
import { RedisCluster } from '../support/redis-cluster.js';
import type { RedisProcess } from '../support/redis-process.js';

const SETTINGS = { historySize: 100_000, historyTtlMs: 60_000, dedupeTtlMs: 60_000 };
const STORED = { store: true } as const;

let cluster: RedisCluster;
let opened: RedisBroker[];

beforeAll(async () => {
  cluster = await RedisCluster.start();
}, 30_000);
afterAll(async () => cluster.stop());
beforeEach(() => {
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((broker) => broker.close()));
});

async function openBroker(options: Partial<RedisConnectionsOptions> = {}): Promise<RedisBroker> {
  const broker = new RedisBroker({
    connections: new RedisConnections({ redis: cluster.url, ...options }),
    ...SETTINGS,
  });
  opened.push(broker);
  await broker.open();
  return broker;
}

async function slotOf(address: string): Promise<number> {
  return Number(await cluster.nodes[0]?.command('CLUSTER', 'KEYSLOT', `{${address}}`));
}

function otherThan(owner: RedisProcess): RedisProcess {
  return cluster.nodes.find((node) => node !== owner) as RedisProcess;
}

describe('a slot that moves to another node while its room is published into', () => {
  it('costs no frame, no order and no subscription', async () => {
    const address = 'chat/moving';
    const [publisher, subscriber] = [await openBroker(), await openBroker()];
    const received = await receive(subscriber, address);
    const told: string[] = [];
    subscriber.onInterrupted((addresses) => told.push(...addresses));
    const { epoch } = await publisher.publish(address, Buffer.from('0'), STORED);

    let publishing = true;
    const texts: string[] = ['0'];
    const failures: unknown[] = [];
    let published = 0;
    const publishAll = async (): Promise<void> => {
      const results: Promise<unknown>[] = [];
      while (publishing) {
        for (let i = 0; i < 10; i += 1) {
          const text = String(texts.push(String(texts.length)) - 1);
          results.push(
            publisher.publish(address, Buffer.from(text), STORED).then(
              () => (published += 1),
              (error: unknown) => failures.push(error),
            ),
          );
        }
        await nextTurn();
      }
      await Promise.all(results);
    };
    const over = publishAll();
    const slot = await slotOf(address);
    const first = await cluster.ownerOf(address.replace(/^/, '{').concat('}'));
    const second = otherThan(first);
    await cluster.moveSlot(slot, first, second);
    const moved = texts.length;
    await until(
      () => published,
      (count) => count > moved + 200,
    );
    await cluster.moveSlot(slot, second, first);
    publishing = false;
    await over;

    expect(failures).toEqual([]);
    const { frames, position } = await subscriber.history(address, { since: 0, limit: 1e6, maxBytes: 1e9 });
    expect(frames.map((frame) => frame.payload.toString())).toEqual(texts);
    expect(frames.map((frame) => frame.offset)).toEqual(texts.map((_, i) => i + 1));
    expect(position.ancestors.map((ancestor) => ancestor.epoch)).toContain(epoch);
    await until(
      () => told,
      (addresses) => addresses.includes(address),
    );
    await publisher.publish(address, Buffer.from('end'), STORED);
    await received.text('end');
    // What came while the subscription was on its way may be missing; what came is in order.
    expect(received.offsets).toEqual([...received.offsets].sort((x, y) => x - y));
  });
});

describe('a subscriber connection that is killed', () => {
  it('comes back on its node, and only its rooms are told', async () => {
    const broker = await openBroker();
    const rooms = Array.from({ length: 60 }, (_, i) => `chat/${i}`);
    const received = await Promise.all(rooms.map((room) => receive(broker, room)));
    const told: string[] = [];
    broker.onInterrupted((addresses) => told.push(...addresses));
    const node = cluster.nodes[1] as RedisProcess;
    const owners = await Promise.all(rooms.map((room) => cluster.ownerOf(`{${room}}`)));
    const affected = rooms.filter((_, i) => owners[i] === node);
    await node.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await until(
      () => told.length,
      (length) => length >= affected.length,
    );
    expect(told.sort()).toEqual([...affected].sort());
    await Promise.all(rooms.map((room) => broker.publish(room, Buffer.from('x'), STORED)));
    await Promise.all(received.map((one) => one.count(1)));
  });
});

describe('a node that crashes and comes back', () => {
  it('is refused at once meanwhile, and its rooms are subscribed again without a call', async () => {
    const broker = await openBroker({ commandTimeoutMs: 1_000 });
    const address = 'chat/crashing';
    const received = await receive(broker, address);
    const told: string[] = [];
    broker.onInterrupted((addresses) => told.push(...addresses));
    const { epoch } = await broker.publish(address, Buffer.from('before'), STORED);
    const owner = await cluster.ownerOf(`{${address}}`);

    await owner.kill();
    const startedAt = performance.now();
    await expect(broker.publish(address, Buffer.from('lost'), STORED)).rejects.toThrow(BrokerUnavailableError);
    expect(performance.now() - startedAt).toBeLessThan(1_500);

    await owner.restart();
    await until(
      () => told,
      (addresses) => addresses.includes(address),
    );
    const result = await until(
      () => broker.publish(address, Buffer.from('after'), STORED).catch(() => undefined),
      (published) => published !== undefined,
    );
    expect(result).toMatchObject({ offset: 1 });
    expect(result?.epoch).not.toBe(epoch);
    expect((await received.text('after')).offset).toBe(1);
  }, 20_000);
});

describe('opening', () => {
  it('says that a node of a cluster is no single server', async () => {
    const redis = (cluster.nodes[0] as RedisProcess).url;
    const connections = new RedisConnections({ redis });
    const broker = new RedisBroker({ connections, ...SETTINGS });
    await expect(broker.open()).rejects.toThrow(RealtimeConfigError);
    await expect(new RedisBroker({ connections: new RedisConnections({ redis }), ...SETTINGS }).open()).rejects.toThrow(
      'redis+cluster://',
    );
  });

  it('takes a factory of a Cluster', async () => {
    const broker = await openBroker({
      redis: () => new Cluster(cluster.nodes.map((node) => ({ host: '127.0.0.1', port: node.port }))),
    });
    const received = await receive(broker, 'chat/factory');
    await broker.publish('chat/factory', Buffer.from('x'), STORED);
    await received.text('x');
  });
});
