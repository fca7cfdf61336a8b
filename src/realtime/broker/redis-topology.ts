import type { Cluster, Redis } from 'ioredis';
import { slotOf } from './redis-commands.js';
import { createSubscriberClient, isCluster } from './redis-settings.js';
import { RedisSubscriber } from './redis-subscriber.js';
import type { SubscriberEvents } from './redis-subscriber.js';

/** Which connection a channel is to be subscribed on. */
export interface SubscriberTopology {
  readonly sharded: boolean;
  readonly subscribers: readonly RedisSubscriber[];
  connect(): void;
  /** The slot of a channel; -1 without a cluster. It never changes, its owner may. */
  slotOf(channel: string): number;
  ownerOf(slot: number): RedisSubscriber | undefined;
  /** Looks again who owns what. Resolves when it knows, or can't know now. */
  refresh(): Promise<void>;
  disconnect(): void;
}

export interface TopologyEvents {
  ready(subscriber: RedisSubscriber): void;
  lost(subscriber: RedisSubscriber): void;
  moved(subscriber: RedisSubscriber, remaining: ReadonlySet<string>): void;
  message(channel: string, message: Buffer): void;
  /** Channels may belong to others than before. */
  changed(): void;
}

export function createTopology(
  client: Redis | Cluster,
  commandTimeoutMs: number,
  events: TopologyEvents,
): SubscriberTopology {
  if (isCluster(client)) return new ClusterTopology(client, commandTimeoutMs, events);
  return new SingleTopology(client, commandTimeoutMs, events);
}

/** One server: everything is on one connection. */
class SingleTopology implements SubscriberTopology {
  readonly sharded = false;
  readonly subscribers: readonly [RedisSubscriber];

  constructor(client: Redis, commandTimeoutMs: number, events: TopologyEvents) {
    const redis = createSubscriberClient(client, commandTimeoutMs);
    const subscriber: RedisSubscriber = new RedisSubscriber(
      redis,
      false,
      forOne(() => subscriber, events),
    );
    this.subscribers = [subscriber];
  }

  connect(): void {
    this.subscribers[0].connect();
  }

  slotOf(): number {
    return -1;
  }

  ownerOf(): RedisSubscriber {
    return this.subscribers[0];
  }

  refresh(): Promise<void> {
    return Promise.resolve();
  }

  disconnect(): void {
    this.subscribers[0].disconnect();
  }
}

/** A cluster: one connection for each master, a channel on the one that owns its slot. */
class ClusterTopology implements SubscriberTopology {
  readonly sharded = true;
  private readonly byNode = new Map<string, RedisSubscriber>();
  private closed = false;

  constructor(
    private readonly cluster: Cluster,
    private readonly commandTimeoutMs: number,
    private readonly events: TopologyEvents,
  ) {
    cluster.on('refresh', () => this.follow());
  }

  get subscribers(): RedisSubscriber[] {
    return [...this.byNode.values()];
  }

  connect(): void {
    this.follow();
  }

  slotOf(channel: string): number {
    return slotOf(channel);
  }

  ownerOf(slot: number): RedisSubscriber | undefined {
    return this.byNode.get(this.cluster.slots[slot]?.[0] ?? '');
  }

  refresh(): Promise<void> {
    return new Promise((resolve) => {
      this.cluster.refreshSlotsCache(() => resolve());
    });
  }

  disconnect(): void {
    this.closed = true;
    for (const subscriber of this.byNode.values()) subscriber.disconnect();
  }

  /** Keeps one connection for each master that there is. */
  private follow(): void {
    if (this.closed) return;
    const masters = new Map(this.cluster.nodes('master').map((node) => [nodeKey(node), node]));
    for (const [key, node] of masters) {
      if (!this.byNode.has(key)) this.add(key, node);
    }
    for (const [key, subscriber] of this.byNode) {
      if (masters.has(key)) continue;
      this.byNode.delete(key);
      subscriber.disconnect();
    }
    this.events.changed();
  }

  private add(key: string, node: Redis): void {
    const redis = createSubscriberClient(node, this.commandTimeoutMs);
    const subscriber: RedisSubscriber = new RedisSubscriber(
      redis,
      true,
      forOne(() => subscriber, this.events),
    );
    this.byNode.set(key, subscriber);
    subscriber.connect();
  }
}

function forOne(subscriber: () => RedisSubscriber, events: TopologyEvents): SubscriberEvents {
  return {
    ready: () => events.ready(subscriber()),
    lost: () => events.lost(subscriber()),
    moved: (remaining) => events.moved(subscriber(), remaining),
    message: (channel, message) => events.message(channel, message),
  };
}

function nodeKey(node: Redis): string {
  return `${node.options.host}:${node.options.port}`;
}
