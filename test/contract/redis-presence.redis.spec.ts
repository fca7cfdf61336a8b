import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import type { Presence } from '../../src/realtime/presence/presence.js';
import type { ReapedUser } from '../../src/realtime/presence/presence.js';
import { RedisPresence } from '../../src/realtime/presence/redis-presence.js';
import { BrokerUnavailableError } from '../../src/realtime/realtime.errors.js';
import { describePresenceContract } from '../../src/testing/contracts/presence.contract.js';
import { until } from '../../src/testing/contracts/test-api.js';
import { RedisProcess } from '../support/redis-process.js';

const LEASE_MS = 300;
/** Longer than pods may differ in when they are back after a restart: they wait by chance, up to 2.5 s at the end. */
const OUTLIVES_BACKOFF_MS = 3_000;
const ROOM = 'chat/general';
const ALICE = { id: 'u1', name: 'Alice' };
const BOB = { id: 'u2', name: 'Bob' };

let redis: RedisProcess;
beforeAll(async () => {
  redis = await RedisProcess.start({ persistent: true, config: { appendfsync: 'everysec' } });
});
afterAll(async () => redis.stop());

interface Pod {
  readonly presence: RedisPresence;
  readonly connections: RedisConnections;
}

async function openPods(count: number, prefix?: string, leaseMs = LEASE_MS): Promise<Pod[]> {
  const pods = Array.from({ length: count }, () => {
    const connections = new RedisConnections({ redis: redis.url, prefix, commandTimeoutMs: 500 });
    return { connections, presence: new RedisPresence({ connections, leaseMs }) };
  });
  await Promise.all(pods.map(({ presence }) => presence.open()));
  return pods;
}

/** The pod's connections are gone, for good, and nobody was told. */
async function crash(pod: Pod): Promise<void> {
  await pod.connections.close();
}

describePresenceContract({ describe, it, beforeEach, afterEach }, 'RedisPresence', {
  createPods: async () => {
    const pods = await openPods(3, `${randomUUID()}:`);
    const crashed = new Set<Presence>();
    return {
      pods: pods.map(({ presence }) => presence),
      elapse: (ms) => sleep(ms), // Leases are Redis's own time.
      crash: async (presence) => {
        const pod = pods.find((one) => one.presence === presence);
        if (pod) await crash(pod);
        crashed.add(presence);
      },
      close: async () => {
        const living = pods.filter(({ presence }) => !crashed.has(presence));
        await Promise.all(living.map(({ presence }) => presence.close(0)));
      },
    };
  },
});

describe('RedisPresence', () => {
  let a: Pod;
  let b: Pod;
  let others: Pod[];
  let reaped: ReapedUser[];

  beforeEach(async () => {
    await redis.command('FLUSHALL');
    [a] = (await openPods(1)) as [Pod];
    await sleep(LEASE_MS / 6); // Half of what lies between two signs of life: the pods give theirs in turn.
    [b] = (await openPods(1)) as [Pod];
    others = [];
    reaped = [];
    for (const { presence } of [a, b]) presence.onReaped((left) => reaped.push(left));
  });
  afterEach(async () => {
    await Promise.all([a, b, ...others].map(({ presence }) => presence.close(0)));
  });

  /** Leases and ticks long over. */
  async function longAfter(): Promise<void> {
    await sleep(3 * LEASE_MS);
  }

  it('registers its users anew after a loss of all data, and nobody has left', async () => {
    await Promise.all([a.presence.enter(ROOM, ALICE), b.presence.enter(ROOM, BOB), b.presence.enter(ROOM, ALICE)]);
    await redis.command('FLUSHALL');
    await until(
      () => a.presence.list(ROOM, { limit: 10 }),
      ({ count }) => count === 2,
    );
    expect((await a.presence.list(ROOM, { limit: 10 })).users).toEqual([ALICE, BOB]);
    await longAfter();
    expect(reaped).toEqual([]);
    expect(await a.presence.exit(ROOM, ALICE.id)).toEqual({ last: false, members: 2 });
    expect(await b.presence.exit(ROOM, ALICE.id)).toEqual({ last: true, members: 1 });
  });

  it('whose lease ran out while it lived has its users again, and no pod that is back earlier takes them away', async () => {
    await Promise.all([a.presence.enter(ROOM, ALICE), b.presence.enter(ROOM, BOB)]);
    // As after an outage: every lease has run out, and one of the pods is the first to look.
    const before = (await redis.command('ZRANGE', 'rookery:pods', '0', '-1')) as string[];
    for (const name of before) await redis.command('ZADD', 'rookery:pods', '1', name);
    await longAfter();
    expect(reaped).toEqual([]);
    expect((await b.presence.list(ROOM, { limit: 10 })).users).toEqual([ALICE, BOB]);
    const names = (await redis.command('ZRANGE', 'rookery:pods', '0', '-1')) as string[];
    expect(names).toHaveLength(2);
    expect(names.filter((name) => before.includes(name))).toEqual([]);
    expect(await a.presence.exit(ROOM, ALICE.id)).toEqual({ last: true, members: 1 });
  });

  it('tells nobody that users left while Redis was away for longer than the leases', async () => {
    await Promise.all([a.presence.enter(ROOM, ALICE), b.presence.enter(ROOM, BOB)]);
    redis.pause();
    await longAfter();
    redis.resume();
    await until(
      async () => a.connections.available && b.connections.available,
      (available) => available,
    );
    await longAfter();
    expect(reaped).toEqual([]);
    expect((await b.presence.list(ROOM, { limit: 10 })).users).toEqual([ALICE, BOB]);
  });

  it('reaps nobody right after a cut that its own lease outlived and the lease of another did not', async () => {
    await Promise.all([a.presence.enter(ROOM, ALICE), b.presence.enter(ROOM, BOB)]);
    for (let i = 0; i < 2; i += 1) {
      const client = redis.client();
      const name = (await client.zrange('rookery:pods', '0', '-1'))[i] ?? '';
      await client
        .multi()
        .zadd('rookery:pods', 1, name)
        .call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        .exec();
      client.disconnect();
      await longAfter();
      expect(reaped).toEqual([]);
      expect((await b.presence.list(ROOM, { limit: 10 })).users).toEqual([ALICE, BOB]);
    }
  });

  it('keeps its users over a restart of Redis that keeps its data', async () => {
    others = await openPods(2, 'patient:', OUTLIVES_BACKOFF_MS);
    const [c, d] = others as [Pod, Pod];
    for (const { presence } of others) presence.onReaped((left) => reaped.push(left));
    await Promise.all([c.presence.enter(ROOM, ALICE), d.presence.enter(ROOM, BOB)]);
    await redis.restart();
    await until(
      async () => c.connections.available && d.connections.available,
      (available) => available,
    );
    await sleep(2 * OUTLIVES_BACKOFF_MS);
    expect(reaped).toEqual([]);
    expect((await c.presence.list(ROOM, { limit: 10 })).users).toEqual([ALICE, BOB]);
  });

  it('takes a user out again whose entry failed and may have happened', async () => {
    others = await openPods(1, undefined, 3_000);
    const [pod] = others as [Pod];
    await pod.presence.enter(ROOM, BOB);
    redis.pause();
    await expect(pod.presence.enter(ROOM, ALICE)).rejects.toThrow(BrokerUnavailableError);
    redis.resume();
    await until(
      () => b.presence.count(ROOM).catch(() => 0),
      (count) => count === 2,
    );
    await until(
      () => b.presence.count(ROOM),
      (count) => count === 1,
    );
    expect(await b.presence.enter(ROOM, ALICE)).toEqual({ first: true, members: 2 });
  });

  it('leaves no key behind but the list of pods', async () => {
    const users = Array.from({ length: 20 }, (_, i) => ({ id: `u${i}`, name: `User ${i}` }));
    await Promise.all(users.flatMap((user) => [a.presence.enter(ROOM, user), b.presence.enter(ROOM, user)]));
    await Promise.all(users.map(({ id }) => a.presence.exit(ROOM, id)));
    await Promise.all(users.map(({ id }) => b.presence.exit(ROOM, id)));
    await until(
      async () => (await redis.command('KEYS', '*')) as string[],
      (keys) => keys.join() === 'rookery:pods',
    );
  });

  it('leaves no key of a crashed pod behind', async () => {
    await a.presence.enter(ROOM, ALICE);
    await crash(a);
    await until(
      () => reaped,
      (left) => left.length === 1,
    );
    await until(
      async () => [await redis.command('KEYS', '*'), await redis.command('ZCARD', 'rookery:pods')].join(),
      (left) => left === 'rookery:pods,1',
    );
    [a] = (await openPods(1)) as [Pod];
  });
});
