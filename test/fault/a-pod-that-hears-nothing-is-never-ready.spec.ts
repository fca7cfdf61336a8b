import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RealtimeHealth } from '../../src/index.js';
import { createRedisPorts } from '../../src/realtime/redis-ports.js';
import { freshRoom, freshUser, heard, offsetsIn, range, say } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisProcess } from '../support/redis-process.js';
import { ServerProcess } from '../support/server-process.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/within.js';

const SECRET = 'the secret of the pods of 32 bytes or more';
const SETTINGS = { historySize: 1_000, historyTtlMs: 60_000, dedupeTtlMs: 60_000 };
/** As Redis takes it: without names it ends every subscription of its connection, which lives on and answers. */
const UNSUBSCRIBE_ALL = 'UNSUBSCRIBE\r\n';

// Processes start here, and probes take their time.
jest.setTimeout(60_000);

const cleanUps: (() => Promise<unknown>)[] = [];
let redis: RedisProcess;
let proxy: TcpProxy;

beforeEach(async () => {
  redis = await RedisProcess.start();
  proxy = await startTcpProxy(redis.port);
  cleanUps.push(
    () => redis.stop(),
    () => proxy.close(),
  );
});

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** A pod in this process. */
interface Pod {
  readonly chat: ChatServer;
  /** How often its subscriptions were found dead. */
  readonly died: () => number;
  readonly status: () => Promise<string>;
}

async function startPod(url: string, probeMs: number): Promise<Pod> {
  let died = 0;
  const onSubscriptionsDead = (): void => void (died += 1);
  const ports = createRedisPorts({
    ...SETTINGS,
    redis: url,
    waitReplicas: 0,
    probeMs,
    commandTimeoutMs: 1_000,
    onSubscriptionsDead,
  });
  const chat = await startChat({ ...ports, positionCheckMs: 0 });
  cleanUps.push(() => chat.close());
  const health = chat.server.app.get(RealtimeHealth);
  return { chat, died: () => died, status: async () => (await health.check()).status };
}

const never = 1_000_000;

describe('a connection for subscriptions that lives, with nothing subscribed on it any more', () => {
  it('makes the pod unready at the next look, before any probe was due', async () => {
    const pod = await startPod(`redis://127.0.0.1:${proxy.port}`, never);
    expect(await pod.status()).toBe('ok');
    proxy.inject(UNSUBSCRIBE_ALL);
    await until('Redis has ended the subscriptions', async () => (await subscriptions()) === 0);
    for (const _look of range(1, 3)) expect(await pod.status()).toBe('unavailable');
    expect(proxy.made).toBe(2);
  });

  it('is made anew, and its rooms are repaired before the pod is ready again', async () => {
    const [pod, other] = [await startPod(`redis://127.0.0.1:${proxy.port}`, 1_500), await startPod(redis.url, never)];
    const room = freshRoom();
    const alice = await pod.chat.enter(room, freshUser('alice'));
    const bob = await other.chat.enter(room, freshUser('bob'));
    await say(bob, 'before');
    await heard(alice, 'before');
    proxy.inject(UNSUBSCRIBE_ALL);
    await until('Redis has ended the subscriptions of the pod', async () => (await subscribersOf(room)) === 1);
    await say(bob, 'unheard');
    await until('the pod is ready again', async () => (await pod.status()) === 'ok', 20_000);
    expect(pod.died()).toBe(1);
    await heard(alice, 'unheard');
    await say(bob, 'after');
    await heard(alice, 'after');
    expect(offsetsIn(alice, room)).toEqual([1, 2, 3]);
    expect(alice.received.filter((frame) => frame['recovered'] === false)).toEqual([]);
  });

  it('is told by /readyz and the log of the server, which serves on when it is over', async () => {
    const server = await ServerProcess.start({ REDIS_URL: `redis://127.0.0.1:${proxy.port}`, JWT_SECRET: SECRET });
    cleanUps.push(() => server.kill());
    const ready = async (): Promise<number> => (await fetch(`${server.httpUrl}/readyz`)).status;
    expect(await ready()).toBe(200);
    proxy.inject(UNSUBSCRIBE_ALL);
    await until('Redis has ended the subscriptions', async () => (await subscriptions()) === 0);
    expect(await ready()).toBe(503);
    await until('it is ready again', async () => (await ready()) === 200, 20_000);
    expect(server.events('subscriptions_died')).toHaveLength(1);
  });
});

describe('a connection for subscriptions on which nothing arrives any more', () => {
  it('makes the pod unready until one is there on which something does', async () => {
    const [pod, other] = [await startPod(`redis://127.0.0.1:${proxy.port}`, 500), await startPod(redis.url, never)];
    const room = freshRoom();
    const alice = await pod.chat.enter(room, freshUser('alice'));
    const bob = await other.chat.enter(room, freshUser('bob'));
    proxy.deafen(/:subscriber/);
    await say(bob, 'unheard');
    expect(await pod.status()).toBe('unavailable');
    const before = proxy.made;
    await until('a new connection is tried', () => proxy.made > before, 20_000);
    expect(await pod.status()).toBe('unavailable');
    proxy.mend();
    await until('the pod is ready again', async () => (await pod.status()) === 'ok', 20_000);
    await heard(alice, 'unheard');
  });
});

describe('subscriptions that Redis kills', () => {
  it('are made anew, and lose nothing', async () => {
    const [pod, other] = [await startPod(redis.url, never), await startPod(redis.url, never)];
    const room = freshRoom();
    const alice = await pod.chat.enter(room, freshUser('alice'));
    const bob = await other.chat.enter(room, freshUser('bob'));
    for (const n of range(1, 30)) {
      if (n % 10 === 0) await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
      await say(bob, String(n));
    }
    await until('everything was delivered', () => offsetsIn(alice, room).length === 30, 10_000);
    expect(offsetsIn(alice, room)).toEqual(range(1, 30));
    await until('the pod is ready again', async () => (await pod.status()) === 'ok', 10_000);
  });
});

describe('a Redis that stands still', () => {
  it('makes the pod unready, is no dead subscription, and is served again when it goes on', async () => {
    const pod = await startPod(redis.url, 300);
    const alice = await pod.chat.enter(freshRoom(), freshUser('alice'));
    redis.pause();
    expect(await pod.status()).toBe('unavailable');
    expect(await alice.request({ type: 'message', text: 'hi' })).toMatchObject({ code: 'unavailable' });
    redis.resume();
    await until('the pod is ready again', async () => (await pod.status()) === 'ok', 20_000);
    expect(pod.died()).toBe(0);
    await say(alice, 'again');
  });
});

describe('in a cluster', () => {
  it('each connection for subscriptions is proved by itself', async () => {
    const cluster = await RedisCluster.start();
    cleanUps.push(() => cluster.stop());
    const pod = await startPod(cluster.url, 1_000);
    expect(await pod.status()).toBe('ok');
    for (const node of cluster.nodes) {
      const channels = (await node.command('PUBSUB', 'SHARDCHANNELS', '*probe*')) as string[];
      expect(channels).toHaveLength(1);
    }
    cluster.nodes[1]?.pause();
    expect(await pod.status()).toBe('unavailable');
    cluster.nodes[1]?.resume();
    await until('the pod is ready again', async () => (await pod.status()) === 'ok', 20_000);
  });
});

/** Channels that anybody is subscribed to. */
async function subscriptions(): Promise<number> {
  return ((await redis.command('PUBSUB', 'CHANNELS')) as unknown[]).length;
}

async function subscribersOf(room: string): Promise<number> {
  const [, count] = (await redis.command('PUBSUB', 'NUMSUB', `rookery:{chat/${room}}:c`)) as [string, number];
  return count;
}
