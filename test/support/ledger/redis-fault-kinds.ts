import { setTimeout as pause } from 'node:timers/promises';
import type { RedisProcess } from '../redis-process.js';
import type { ClusterPlace } from './cluster-place.js';
import { clientsOf } from './fault-kinds.js';
import type { FaultKind, LedgerWorld, Strike } from './fault-kinds.js';
import type { RedisPlace, ReplicatedPlace } from './redis-place.js';
import type { StandalonePlace } from './standalone-place.js';

type Kinds<Redis extends RedisPlace> = Readonly<Record<string, FaultKind<Redis>>>;

/** More replicas than there are. */
const TOO_MANY = '9';
/** A closed port: who replicates it waits for it, and has what it had. */
const NOWHERE = '1';

/** What can happen to any server. */
const anyRedis: Kinds<RedisPlace> = {
  /** It stands still, its sockets open, shorter than a command may take. */
  redisPaused: onMaster(10_000, [500, 1_500], async (server, lastsMs) => {
    server.pause();
    await pause(lastsMs);
    server.resume();
  }),
  /** It has no room for another frame. */
  outOfMemory: onMaster(12_000, [300, 2_000], (server, lastsMs) => withSetting(server, lastsMs, 'maxmemory', '1')),
  /** It writes only what more replicas have than there are. */
  tooFewReplicas: onMaster(15_000, [300, 2_000], (server, lastsMs) =>
    withSetting(server, lastsMs, 'min-replicas-to-write', TOO_MANY),
  ),
  /** Every pod's subscriptions are cut, and nothing else. */
  subscriptionsKilled: onMaster(5_000, [0, 0], (server) => server.command('CLIENT', 'KILL', 'TYPE', 'pubsub')),
};

/** What takes away what could be compared in the end: it comes seldom. */
export const dataLoss: Kinds<RedisPlace> = {
  /** It ends as in a crash, and comes back at once with nothing: everybody loses everything. */
  dataLost: onMaster(120_000, [0, 300], async (server, lastsMs) => {
    await server.kill();
    await server.wipe();
    await pause(lastsMs);
    await server.restart();
  }),
};

/** Of one server that keeps its data, and of the ways to it. */
export const standaloneFaults: Kinds<StandalonePlace> = {
  ...anyRedis,
  /** It ends as in a crash, is away for a while and comes back with its data: epochs change, nothing is lost. */
  redisKilled: onMaster(12_000, [200, 2_000], async (server, lastsMs) => {
    await server.kill();
    await pause(lastsMs);
    await server.restart();
  }),
  /** It is asked to end, and started again. */
  redisRestarted: onMaster(20_000, [0, 0], (server) => server.restart()),
  /** It stands still for long: what was under way is given up, and carried out all the same when it goes on. */
  redisHung: onMaster(20_000, [4_000, 6_000], async (server, lastsMs) => {
    server.pause();
    await pause(lastsMs);
    server.resume();
  }),
  /** It is a replica for a while, and takes no writes. */
  readOnly: onMaster(15_000, [300, 2_000], async (server, lastsMs) => {
    await server.command('REPLICAOF', '127.0.0.1', NOWHERE);
    await pause(lastsMs);
    await server.command('REPLICAOF', 'NO', 'ONE');
  }),
  /** One channel of one pod is unsubscribed behind its back; its connection lives. */
  channelLost: onWay(6_000, [0, 100], async (way, { target, lastsMs }, { rooms }) => {
    const room = rooms[(target + lastsMs) % rooms.length];
    way.inject(`UNSUBSCRIBE rookery:{chat/${room}}:c\r\n`, /:subscriber/);
  }),
  /** One pod is cut off from Redis, the others go on. */
  partition: onWay(8_000, [500, 4_000], async (way, { lastsMs }) => {
    way.block();
    await pause(lastsMs);
    way.mend();
  }),
  /** The same, and nobody is told: what is said vanishes. */
  silentPartition: onWay(15_000, [4_000, 6_000], async (way, { lastsMs }) => {
    way.swallow();
    await pause(lastsMs);
    way.mend();
  }),
};

/** Of masters that replicas stand in for. */
export const replicatedFaults: Kinds<ReplicatedPlace> = {
  ...anyRedis,
  /** A master dies and is replaced; what its replica did not have yet is lost. It comes back as a replica. */
  masterKilled: onPair(20_000, [0, 1_000], async (master, replica, lastsMs, redis) => {
    await master.kill();
    await redis.replaced(master, replica);
    await pause(lastsMs);
    await master.restart();
    await redis.rejoined(master);
  }),
  /** The same, and for a while before, its replica got nothing: everything that was acknowledged in it is lost. */
  masterKilledAhead: onPair(30_000, [300, 1_000], async (master, replica, lastsMs, redis) => {
    replica.pause();
    await master.command('CLIENT', 'KILL', 'TYPE', 'replica');
    await pause(lastsMs);
    await master.kill();
    replica.resume();
    await redis.replaced(master, replica);
    await master.restart();
    await redis.rejoined(master);
  }),
  /** A master stands still until it is replaced, and then goes on for a while as if it were master. */
  masterHung: onPair(40_000, [0, 3_000], async (master, replica, lastsMs, redis) => {
    master.pause();
    await redis.replaced(master, replica);
    master.resume();
    await pause(lastsMs);
    await redis.rejoined(master);
  }),
  /** An operator lets master and replica change places. */
  handedOver: onPair(30_000, [0, 1_000], async (master, replica, lastsMs, redis) => {
    await redis.handOver(master, replica);
    await pause(lastsMs);
    await redis.rejoined(master);
  }),
};

/** Of a cluster. */
export const clusterFaults: Kinds<ClusterPlace> = {
  ...replicatedFaults,
  /** The slot of a room moves to another master, with everything in it, while the room is talked in. */
  slotMoved: {
    hits: 'redis',
    everyMs: 6_000,
    lastsMs: [0, 100],
    feltAs: [],
    strike: async ({ redis: { cluster }, rooms }, { target, lastsMs, hit }) => {
      const key = `{chat/${rooms[lastsMs % rooms.length]}}`;
      const [from, slot, masters] = [await cluster.ownerOf(key), await cluster.slotOf(key), await cluster.masters()];
      const others = masters.filter((master) => master !== from);
      hit();
      await cluster.moveSlot(slot, from, others[target % others.length]!);
    },
  },
};

type Lasts = readonly [number, number];

function onMaster(
  everyMs: number,
  lastsMs: Lasts,
  work: (server: RedisProcess, lastsMs: number) => Promise<unknown>,
): FaultKind {
  return {
    hits: 'redis',
    everyMs,
    lastsMs,
    feltAs: [],
    strike: async ({ redis }, fault) => {
      const server = await redis.master(fault.target);
      fault.hit();
      await work(server, fault.lastsMs);
    },
  };
}

function onPair(
  everyMs: number,
  lastsMs: Lasts,
  work: (master: RedisProcess, replica: RedisProcess, lastsMs: number, redis: ReplicatedPlace) => Promise<unknown>,
): FaultKind<ReplicatedPlace> {
  return {
    hits: 'redis',
    everyMs,
    lastsMs,
    feltAs: [],
    strike: async ({ redis }, fault) => {
      const master = await redis.master(fault.target);
      const replica = await redis.replicaOf(master);
      fault.hit();
      await work(master, replica, fault.lastsMs, redis);
    },
  };
}

function onWay(
  everyMs: number,
  lastsMs: Lasts,
  work: (
    way: ReturnType<StandalonePlace['way']>,
    fault: Strike,
    world: LedgerWorld<StandalonePlace>,
  ) => Promise<unknown>,
): FaultKind<StandalonePlace> {
  return {
    hits: 'pod',
    everyMs,
    lastsMs,
    feltAs: [],
    strike: async (world, fault) => {
      fault.hit(...clientsOf(world, fault.target));
      await work(world.redis.way(fault.target), fault, world);
    },
  };
}

async function withSetting(server: RedisProcess, lastsMs: number, name: string, value: string): Promise<void> {
  await server.command('CONFIG', 'SET', name, value);
  await pause(lastsMs);
  await server.command('CONFIG', 'SET', name, '0');
}
