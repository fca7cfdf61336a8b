import { randomBytes } from 'node:crypto';
import type { Clock, Timer } from '../clock.js';
import type { RedisCommands } from './redis-commands.js';
import type { RedisKeys } from './redis-keys.js';
import type { RedisSubscriber } from './redis-subscriber.js';
import type { RedisSubscriptions } from './redis-subscriptions.js';
import type { SubscriberTopology } from './redis-topology.js';

export interface RedisProbeParts {
  readonly keys: RedisKeys;
  readonly clock: Clock;
  readonly commands: RedisCommands;
  readonly subscriptions: RedisSubscriptions;
  readonly topology: SubscriberTopology;
}

/** A channel of this process alone, on one of its connections for subscriptions. */
interface ProbeChannel {
  readonly name: string;
  readonly slot: number;
  readonly subscribed: Promise<void>;
}

/** How many names are tried to find one whose slot a node owns. One that owns next to nothing is not found, nor missed. */
const NAMES_TRIED = 2_000;

/**
 * Finds out whether what is published comes back. A connection for subscriptions can live, and answer every PING, while
 * nothing is subscribed on it any more; only a message that has made the whole round proves the contrary.
 */
export class RedisProbe {
  private readonly process = randomBytes(9).toString('base64url');
  private readonly channels = new WeakMap<RedisSubscriber, ProbeChannel>();
  /** Messages on their round. */
  private readonly rounds = new Map<string, () => void>();
  private sent = 0;

  constructor(private readonly parts: RedisProbeParts) {}

  /** Subscribes what the rounds on this connection need. Never throws: where it fails, they do. */
  async open(subscriber: RedisSubscriber): Promise<void> {
    await this.channelOf(subscriber)?.subscribed.catch(() => undefined);
  }

  /**
   * Sends one message round: published over the connection for commands, expected on this one for subscriptions.
   *
   * @returns whether it came back within the time.
   * @throws Error it could not be sent, which says nothing about the subscriber.
   */
  async comesBack(subscriber: RedisSubscriber, timeoutMs: number): Promise<boolean> {
    const { clock, commands, topology } = this.parts;
    const channel = this.channelOf(subscriber);
    if (!channel) {
      await subscriber.ping();
      return true;
    }
    await channel.subscribed;
    const token = String((this.sent += 1));
    let timer: Timer | undefined;
    const round = new Promise<boolean>((resolve) => {
      // After a loop that was held up the timer is run before what has come meanwhile is read: that gets its turn first.
      timer = clock.after(timeoutMs, () => setImmediate(() => setImmediate(() => resolve(false))));
      this.rounds.set(token, () => resolve(true));
    });
    try {
      await commands.call(topology.sharded ? 'spublish' : 'publish', [channel.name, token]);
      return await round;
    } finally {
      timer?.cancel();
      this.rounds.delete(token);
    }
  }

  /** Subscribed once: to do it again for each round would hide what the round shall find. */
  private channelOf(subscriber: RedisSubscriber): ProbeChannel | undefined {
    const { subscriptions, topology } = this.parts;
    const present = this.channels.get(subscriber);
    if (present && topology.ownerOf(present.slot) === subscriber) return present;
    if (present) void subscriptions.unsubscribe(present.name);
    this.channels.delete(subscriber);
    const name = this.nameFor(subscriber);
    if (name === undefined) return undefined;
    const subscribed = subscriptions.subscribe(name, (message) => this.rounds.get(message.toString())?.());
    const channel: ProbeChannel = { name, slot: topology.slotOf(name), subscribed };
    this.channels.set(subscriber, channel);
    subscribed.catch(() => {
      // Told to whoever sends the round; the next one tries again.
      if (this.channels.get(subscriber) === channel) this.channels.delete(subscriber);
    });
    return channel;
  }

  /** A name that belongs on this connection: in a cluster, one whose slot its node owns. */
  private nameFor(subscriber: RedisSubscriber): string | undefined {
    const { keys, topology } = this.parts;
    for (let n = 0; n < NAMES_TRIED; n += 1) {
      const name = keys.probe(`${this.process}${n}`);
      if (topology.ownerOf(topology.slotOf(name)) === subscriber) return name;
    }
    return undefined;
  }
}
