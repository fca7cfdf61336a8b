import { setTimeout as pause } from 'node:timers/promises';
import type { TcpProxy } from '../tcp-proxy.js';
import type { PodFleet } from './pod-fleet.js';
import type { RedisPlace } from './redis-place.js';
import type { FaultRhythm } from './schedule.js';

/** One client's way to the pods. */
export interface ClientNetwork {
  readonly client: string;
  readonly proxy: TcpProxy;
  /** Where its last connection went. */
  readonly pod: () => number;
}

/** What can be broken. */
export interface LedgerWorld<Redis extends RedisPlace = RedisPlace> {
  readonly networks: readonly ClientNetwork[];
  readonly fleet: PodFleet;
  readonly redis: Redis;
  /** Names of the rooms in which clients talk. */
  readonly rooms: readonly string[];
}

/** One way to break things. Whatever it breaks is whole again when `strike` resolves. */
export interface FaultKind<Redis extends RedisPlace = RedisPlace> extends FaultRhythm {
  /** Close codes by which a client that was hit shows that it felt this. None: it breaks what clients need not feel. */
  readonly feltAs: readonly number[];
  /** Whether it waits until no other one that takes turns hits pods, or Redis. Default: where it hits Redis. */
  readonly takesTurns?: boolean;
  /** Whether it comes only when its client is connected, and waits for that a while. */
  readonly patient?: boolean;
  /** Breaks it; `hit` is called with the clients that are hit, in the moment in which they are. */
  strike(world: LedgerWorld<Redis>, fault: Strike): Promise<void>;
}

export interface Strike {
  readonly target: number;
  readonly lastsMs: number;
  readonly hit: (...clients: string[]) => void;
}

/** Between two heartbeats of the pods that a ledger runs on. Silence of two counts as an end (CN1). */
export const HEARTBEAT_MS = 1_000;
const NOTICED_MS = 2 * HEARTBEAT_MS;
const FLAP_MS = 150;
const SLOW_BYTES_PER_SECOND = 8_000;

/** The network of one client is cut in all ways there are. */
export const clientFaults: Readonly<Record<string, FaultKind>> = {
  /** Both ends get an RST. */
  reset: {
    hits: 'client',
    everyMs: 2_000,
    lastsMs: [0, 0],
    feltAs: [1006],
    strike: (world, fault) => onNetwork(world, fault, (proxy) => proxy.reset()),
  },
  /** Both ends are told that the other one has ended. */
  cut: {
    hits: 'client',
    everyMs: 4_000,
    lastsMs: [0, 0],
    feltAs: [1006],
    strike: (world, fault) => onNetwork(world, fault, (proxy) => proxy.cut()),
  },
  /** Reset again and again: whoever comes back is cut while it joins or is replayed. */
  flapping: {
    hits: 'client',
    everyMs: 5_000,
    lastsMs: [1_000, 2_500],
    feltAs: [1006],
    strike: (world, fault) =>
      onNetwork(world, fault, async (proxy) => {
        for (let spentMs = 0; spentMs < fault.lastsMs; spentMs += FLAP_MS) {
          proxy.reset();
          await pause(FLAP_MS);
        }
      }),
  },
  /** Nothing arrives any more in either direction, and nobody is told. */
  silence: {
    hits: 'client',
    everyMs: 5_000,
    lastsMs: [NOTICED_MS + 500, NOTICED_MS + 2_000],
    feltAs: [4000],
    patient: true,
    strike: (world, fault) => swallow(world, fault, 'both'),
  },
  /** What the client says arrives and is stored; of what the server says, acknowledgements too, nothing does. */
  deafness: {
    hits: 'client',
    everyMs: 5_000,
    lastsMs: [NOTICED_MS + 500, NOTICED_MS + 2_000],
    feltAs: [4000],
    patient: true,
    strike: (world, fault) => swallow(world, fault, 'from-server'),
  },
  /** The server's end is gone, the client's stays open. */
  halfOpen: {
    hits: 'client',
    everyMs: 5_000,
    lastsMs: [NOTICED_MS, NOTICED_MS],
    feltAs: [4000],
    patient: true,
    strike: (world, fault) => onNetwork(world, fault, (proxy) => proxy.halfOpen()),
  },
  /** What the server says comes slowly. */
  slow: {
    hits: 'client',
    everyMs: 5_000,
    lastsMs: [1_000, 4_000],
    feltAs: [],
    strike: (world, fault) =>
      onNetwork(world, fault, async (proxy) => {
        proxy.throttle(SLOW_BYTES_PER_SECOND);
        await pause(fault.lastsMs);
        proxy.throttle(undefined);
      }),
  },
};

/** The networks of clients are cut, and pods are restarted under everybody. */
export const networkFaults: Readonly<Record<string, FaultKind>> = {
  ...clientFaults,
  /** A pod is asked to end, and comes back on its port; meanwhile its clients are led to the others. */
  restart: {
    hits: 'pod',
    everyMs: 6_000,
    lastsMs: [0, 0],
    feltAs: [1001, 1012],
    strike: (world, { target, hit }) => world.fleet.restart(target, 'stop', () => hit(...clientsOf(world, target))),
  },
};

/** The clients that are led to a pod. */
export function clientsOf({ networks }: LedgerWorld, target: number): string[] {
  return networks.filter(({ pod }) => pod() === target).map(({ client }) => client);
}

async function onNetwork(
  { networks }: LedgerWorld,
  { target, hit }: Strike,
  work: (proxy: TcpProxy) => void | Promise<void>,
): Promise<void> {
  const network = networks[target];
  if (!network) throw new RangeError(`expected a client below ${networks.length}, got ${target}`);
  hit(network.client);
  await work(network.proxy);
}

function swallow(world: LedgerWorld, fault: Strike, direction: 'both' | 'from-server'): Promise<void> {
  return onNetwork(world, fault, async (proxy) => {
    proxy.swallow(direction);
    await pause(fault.lastsMs);
    proxy.mend();
  });
}
