import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { PresenceFrame } from '../../src/protocol/index.js';
import type { Presence, RealtimeOptions } from '../../src/index.js';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import { MemoryPresence } from '../../src/realtime/presence/memory-presence.js';
import { MemoryPresenceStore } from '../../src/realtime/presence/memory-presence-store.js';
import { RedisPresence } from '../../src/realtime/presence/redis-presence.js';
import type { TestClient } from '../../src/testing/index.js';
import { freshRoom, freshUser } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { RedisProcess } from '../support/redis-process.js';
import { until } from '../support/within.js';

/** 100,000 with ROOKERY_DEEP=1; what is counted does not depend on it. */
const MEMBERS = process.env['ROOKERY_DEEP'] === '1' ? 100_000 : 10_000;
const HALF = MEMBERS / 2;
const AT_ONCE = 500;
const PAGE = 100;
const MOST_JOINED_BYTES = 300;
const MOST_PAGE_BYTES = 12_000;
const REAPED_AT_ONCE = 200;
const LEASE_MS = 1_000;
const WAIT_MS = 120_000;

jest.setTimeout(300_000);

/** Where presence is kept, seen by the server and by two more pods. */
interface Backend {
  readonly options: RealtimeOptions;
  pod(): Promise<Presence>;
  /** The pod is gone, and told nobody. */
  crash(pod: Presence): Promise<void>;
  close(): Promise<void>;
}

const id = (n: number): string => `u${String(n).padStart(6, '0')}`;

async function fill(pod: Presence, address: string, first: number, count: number): Promise<void> {
  for (let start = first; start < first + count; start += AT_ONCE) {
    const ids = Array.from({ length: Math.min(AT_ONCE, first + count - start) }, (_, i) => id(start + i));
    await Promise.all(ids.map((one) => pod.enter(address, { id: one, name: `User ${one}` })));
  }
}

let redis: RedisProcess;

async function redisBackend(): Promise<Backend> {
  redis = await RedisProcess.start();
  const connectionsOf = new Map<Presence, RedisConnections>();
  return {
    options: { redis: redis.url },
    pod: async () => {
      const connections = new RedisConnections({ redis: redis.url });
      const pod = new RedisPresence({ connections, leaseMs: LEASE_MS });
      await pod.open();
      connectionsOf.set(pod, connections);
      return pod;
    },
    crash: async (pod) => connectionsOf.get(pod)!.close(),
    close: () => redis.stop(),
  };
}

async function memoryBackend(): Promise<Backend> {
  const store = new MemoryPresenceStore();
  return {
    options: { presence: new MemoryPresence({ store }) },
    pod: async () => {
      const pod = new MemoryPresence({ store });
      await pod.open();
      return pod;
    },
    crash: (pod) => pod.close(0), // Within one process the nearest thing to a crash is an end that nobody waits for.
    close: async () => undefined,
  };
}

/** How often Redis ran the commands that keep presence, since the last `CONFIG RESETSTAT`; signs of life (`zadd`) apart. */
async function presenceCommands(): Promise<Record<string, number>> {
  const stats = (await redis.command('INFO', 'commandstats')) as string;
  const names = ['hset', 'sadd', 'srem', 'hincrby', 'hdel', 'hget', 'zrem', 'zcard', 'spop', 'scard', 'smembers'];
  return Object.fromEntries(
    names.map((name) => [name, Number(new RegExp(`^cmdstat_${name}:calls=(\\d+)`, 'm').exec(stats)?.[1] ?? 0)]),
  );
}

describe.each([
  ['Redis', redisBackend],
  ['memory', memoryBackend],
])(`a room of ${MEMBERS} users, presence in %s`, (where, createBackend) => {
  let backend: Backend;
  let chat: ChatServer;
  let pods: Presence[];
  let room: string;

  beforeEach(async () => {
    backend = await createBackend();
    chat = await startChat({ ...backend.options, leaveGraceMs: 0, handshake: { maxLoopLagMs: 0 } });
    pods = [await backend.pod(), await backend.pod()];
    room = freshRoom();
    await fill(pods[0]!, `chat/${room}`, 0, HALF);
    await fill(pods[1]!, `chat/${room}`, HALF, HALF);
  });
  afterEach(async () => {
    await chat.close();
    await Promise.all(pods.map((pod) => pod.close(0)));
    await backend.close();
  });

  it('lets in and out without a word, in a frame that is no larger than in a small room', async () => {
    const witness = await chat.enter(room, freshUser('witness'));
    const { client, joined } = await chat.visit(room, freshUser('guest'));
    expect(joined.members).toBe(MEMBERS + 2);
    expect(client.textOf(joined).length).toBeLessThan(MOST_JOINED_BYTES);
    client.send({ type: 'leave', room });
    await client.next('left');
    await until('it has left', async () => (await pods[0]!.count(`chat/${room}`)) === MEMBERS + 1);
    await witness.expectNone('system', () => saidTo(witness));
  });

  it('answers presence in pages of a bounded size, from any place', async () => {
    const client = await chat.enter(room, 'zzz');
    for (const after of [undefined, id(0), id(HALF), id(MEMBERS - PAGE)]) {
      const frame = await client.request<PresenceFrame>({ type: 'presence', room, ...(after && { after }) });
      expect(frame).toMatchObject({ type: 'presence', count: MEMBERS + 1 });
      expect(frame.users).toHaveLength(PAGE);
      expect(frame.users[0]!.id).toBe(after === undefined ? id(0) : id(Number(after.slice(1)) + 1));
      expect(frame.complete).toBe(after === id(MEMBERS - PAGE));
      expect(client.textOf(frame).length).toBeLessThan(MOST_PAGE_BYTES);
    }
  });

  it('loses half of its members with their pod, in silence', async () => {
    const witness = await chat.enter(room, freshUser('witness'));
    if (where === 'Redis') await redis.command('CONFIG', 'RESETSTAT');
    await backend.crash(pods[0]!);
    await until('they are gone', async () => (await pods[1]!.count(`chat/${room}`)) === HALF + 1, WAIT_MS);
    if (where === 'Redis') {
      // Each script takes a bounded number of users, and Redis serves others between two of them.
      expect((await presenceCommands())['spop']).toBeGreaterThanOrEqual(HALF / REAPED_AT_ONCE);
      expect((await presenceCommands())['smembers']).toBe(0);
    }
    await witness.expectNone('system', () => saidTo(witness));
    expect((await witness.request<PresenceFrame>({ type: 'presence', room })).users[0]!.id).toBe(id(HALF));
  });

  if (where === 'Redis') {
    it('costs Redis for a join what an empty room costs', async () => {
      const small = freshRoom();
      await chat.enter(small, freshUser());
      const costOf = async (name: string): Promise<Record<string, number>> => {
        await redis.command('CONFIG', 'RESETSTAT');
        for (let n = 0; n < 5; n += 1) await chat.enter(name, freshUser());
        return presenceCommands();
      };
      await chat.enter(room, freshUser());
      expect(await costOf(room)).toEqual(await costOf(small));
    });
  }

  /** What somebody says stands behind what was announced before. */
  async function saidTo(witness: TestClient): Promise<void> {
    await chat.realtime.to(`chat/${room}`).publish('message', { text: 'the end' });
    await witness.next('message');
  }
});
