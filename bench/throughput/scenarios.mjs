import { setTimeout as sleep } from 'node:timers/promises';
import { GC_MS, rssAfterGc } from '../machine.mjs';

const peers = ['uws', 'socket.io-uws', 'ws-turn', 'ws-once', 'ws-loop', 'socket.io', 'nest'];
const everybody = ['rookery', ...peers];
const writers = ['rookery', 'rookery-native', ...peers];
const overRedis = ['rookery', 'rookery-native', 'ws-turn', 'ws-loop', 'socket.io'];
const withRoomsByFrame = ['rookery', 'ws-turn', 'ws-once', 'ws-loop'];

/** Deliveries per second at which latencies are taken. */
const RATE = 20_000;
/** And where much is sent. */
const BUSY_RATE = 200_000;
/** How long latencies are taken: in one big room that are 120 messages. */
const LATENCY_S = 6;
/** And how long the same is sent before: a new process compiles its code on threads of its own, on the same core. */
const LATENCY_WARMUP_S = 8;
/** How long what is torn down after a connection may take, the grace of a leave included. */
const AFTERMATH_MS = 3_000;

/**
 * What is measured. `measure(bench)` returns `{ value, cpuUs, report }` of one round; `bench` is one running contender:
 * `{ ports, pids, serverPids, wire, strangers, generate(options, onReady), manyRooms(plan) }`;
 * `strangers` is a file of tokens of other users.
 *
 * - `unit`, `better`: of the value. `cpuUs` is the CPU of the servers, Redis included, for one `per`.
 * - `preload`: files of `bench` that are loaded into each server before anything else.
 * - `jwt`: raw `ws` checks a token and keeps its claims; Rookery always does.
 */
export const scenarios = {
  A: fanOut('A: 1 room × 1,000, one message in flight', { conns: 1_000, rooms: 1, pubs: 1, window: 1 }),
  B: fanOut('B: 1 room × 1,000, 8 senders', { conns: 1_000, rooms: 1, pubs: 8, window: 1 }),
  C: fanOut('C: 100 rooms × 10, 4 in flight', { conns: 1_000, rooms: 100, pubs: 1, window: 4 }),
  D: fanOut('D: 1 room × 5,000, 2 in flight', { conns: 5_000, rooms: 1, pubs: 1, window: 2 }),
  single: fanOut('1,000 rooms × 1, one in flight', { conns: 1_000, rooms: 1_000, pubs: 1, window: 1 }),
  'many-rooms': {
    title: '50 rooms × 100, each connection in all of them, 40,000/s',
    unit: 'deliveries/s',
    better: 'more',
    per: 'delivery',
    contenders: withRoomsByFrame,
    async measure({ manyRooms }) {
      const report = await manyRooms({ conns: 100, rooms: 50, messagesPerSecond: 400, burst: 8 });
      return { value: report.deliveries_per_s, cpuUs: report.cpu_s_per_m, report };
    },
  },
  'p99-rooms': latency('100 rooms × 10', { conns: 1_000, rooms: 100 }),
  'p99-big': latency('1 room × 1,000', { conns: 1_000, rooms: 1 }),
  busy: {
    ...latency('1 room × 1,000', { conns: 1_000, rooms: 1, rate: BUSY_RATE }),
    contenders: ['rookery', 'ws-turn'],
  },
  'busy-coalesced': {
    ...latency('1 room × 1,000, coalesceMs 10', { conns: 1_000, rooms: 1, rate: BUSY_RATE }),
    contenders: ['rookery'],
    preload: ['coalesced.mjs'],
  },
  handshakes: {
    title: 'handshakes, with a JWT',
    unit: 'handshakes/s',
    better: 'more',
    per: 'handshake',
    jwt: true,
    contenders: everybody,
    async measure({ generate, strangers }) {
      // As with messages, the time in which a new process compiles its code is not measured.
      for (let i = 0; i < 2; i += 1) {
        await generate({ mode: 'connect', conns: 4_000, rooms: 1, pubs: 0, hold: 0.2, tokenFile: strangers });
        await sleep(AFTERMATH_MS);
      }
      const report = await generate({ mode: 'connect', conns: 4_000, rooms: 1, pubs: 0, hold: 0.2 });
      return { value: report.handshakes_per_s, cpuUs: report.hs_cpu_us, report };
    },
  },
  memory: {
    title: 'RSS per idle connection, 10,000 of them, after a gc',
    unit: 'KiB',
    better: 'less',
    jwt: true,
    contenders: everybody,
    async measure({ generate, serverPids }) {
      // What the first connections cost once and for all is not counted.
      await generate({ mode: 'connect', conns: 1_000, rooms: 100, pubs: 0, hold: 0.2 });
      await sleep(AFTERMATH_MS);
      const before = await rssAfterGc(serverPids);
      const conns = 10_000;
      const idle = { mode: 'connect', conns, rooms: conns / 10, pubs: 0, hold: (3 * GC_MS) / 1_000 + 1 };
      const taken = [];
      const report = await generate(idle, () => taken.push(rssAfterGc(serverPids)));
      const [after] = await Promise.all(taken);
      return { value: (after - before) / conns, report };
    },
  },
  idle: {
    title: 'RSS per connection, 15,000 idle for 30 s, as it is; CPU of all that time',
    unit: 'KiB',
    better: 'less',
    per: 'connection and second',
    jwt: true,
    contenders: ['rookery', 'ws-loop', 'socket.io'],
    async measure({ generate }) {
      const conns = 15_000;
      const report = await generate({ mode: 'connect', conns, rooms: conns / 10, pubs: 0, hold: 30 });
      return { value: report.rss_per_conn_b / 1_024, cpuUs: (report.idle_cpu * 1e6) / conns, report };
    },
  },
  storm: {
    title: '5,000 drop and come back at once',
    unit: 's',
    better: 'less',
    per: 'connection',
    jwt: true,
    contenders: everybody,
    async measure({ generate, beforeStorm }) {
      const conns = 5_000;
      const report = await generate({ mode: 'storm', conns, rooms: 1, pubs: 1, ...(await beforeStorm()) });
      return { value: report.back_s, cpuUs: (report.storm_cpu_s * 1e6) / conns, report };
    },
  },
  'redis-B': overTwo(fanOut('two processes over Redis: B', { conns: 1_000, rooms: 1, pubs: 8, window: 1 })),
  'redis-C': overTwo(fanOut('two processes over Redis: C', { conns: 1_000, rooms: 100, pubs: 1, window: 4 })),
  'redis-p99': overTwo(latency('two processes over Redis, 100 rooms × 10', { conns: 1_000, rooms: 100 })),
};

function fanOut(title, shape) {
  return {
    title,
    unit: 'deliveries/s',
    better: 'more',
    per: 'delivery',
    contenders: writers,
    async measure({ generate }) {
      const report = await generate({ mode: 'fanout-max', ...shape });
      return { value: report.deliveries_per_s, cpuUs: report.cpu_s_per_m, report };
    },
  };
}

/** @param shape `rate`: deliveries per second. */
function latency(where, { conns, rooms, rate = RATE }) {
  const messageRate = rate / (conns / rooms);
  const shape = { conns, rooms, pubs: 1, rate: messageRate, warmup: LATENCY_WARMUP_S, duration: LATENCY_S };
  return {
    title: `p99 at ${rate.toLocaleString('en')}/s, ${where}`,
    unit: 'ms',
    better: 'less',
    per: 'delivery',
    contenders: writers,
    async measure({ generate }) {
      const report = await generate({ mode: 'fanout-rate', ...shape });
      return { value: report.lat_us.p99 / 1_000, cpuUs: report.cpu_s_per_m, report };
    },
  };
}

function overTwo(scenario) {
  return { ...scenario, contenders: overRedis, redis: true };
}
