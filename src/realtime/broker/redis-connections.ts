import type { Cluster, Redis } from 'ioredis';
import { SystemClock } from '../clock.js';
import type { Timer } from '../clock.js';
import { BrokerUnavailableError, RealtimeConfigError } from '../realtime.errors.js';
import { within } from '../within.js';
import { RedisCommands } from './redis-commands.js';
import { RedisKeys } from './redis-keys.js';
import { checkServer } from './redis-server-check.js';
import { createCommandClient, isCluster } from './redis-settings.js';
import type { RedisSource } from './redis-settings.js';
import type { RedisSubscriber } from './redis-subscriber.js';
import { RedisSubscriptions } from './redis-subscriptions.js';
import { RedisProbe } from './redis-probe.js';
import { createTopology } from './redis-topology.js';
import type { SubscriberTopology } from './redis-topology.js';

export interface RedisConnectionsOptions {
  readonly redis: RedisSource;
  /** Begins the name of every key and channel. `[A-Za-z0-9:_-]*`. Default `rookery:`. */
  readonly prefix?: string | undefined;
  /** How long a command may go without an answer. Default 3,000. */
  readonly commandTimeoutMs?: number | undefined;
  /** How long {@link RedisConnections.open} tries to get through. Default 10,000. */
  readonly openTimeoutMs?: number | undefined;
  /** How often it is proved that what is published comes back. Default 5,000. */
  readonly probeMs?: number | undefined;
  /** Told when it did not, on a connection that lived: it is being made anew. */
  readonly onSubscriptionsDead?: (() => void) | undefined;
  /** Who is told what an operator should know. Default: nobody. */
  readonly logger?: { warn(message: string): void } | undefined;
}

/** Errors after which another try would end the same way. */
const HOPELESS = /WRONGPASS|NOAUTH|NOPERM|invalid password|cluster support disabled/i;
const OPEN_POLL_MS = 20;
const DEAD = 'what is published does not come back on a connection for subscriptions, although it lives';

/**
 * The connections to Redis that broker, presence and bans of one process share: one for commands, one for subscriptions
 * (in a cluster one of each for every master). Each part opens and closes them; the first opens, the last closes.
 */
export class RedisConnections {
  readonly keys: RedisKeys;
  readonly commands: RedisCommands;
  readonly subscriptions: RedisSubscriptions;
  /** Sharded channels, and one slot for each command: it is a cluster. */
  readonly sharded: boolean;
  private readonly client: Redis | Cluster;
  private readonly topology: SubscriberTopology;
  private readonly probe: RedisProbe;
  /** The machine's: what happens on sockets can't be moved. */
  private readonly clock = new SystemClock();
  private readonly commandTimeoutMs: number;
  private readonly listeners: ((available: boolean) => void)[] = [];
  private users = 0;
  private opened: Promise<void> | undefined;
  private probing: Timer | undefined;
  private isOpen = false;
  private wasAvailable = false;
  private lastError: Error | undefined;

  /** @throws RealtimeConfigError bad_config — an option can't be used. Nothing is connected yet. */
  constructor(private readonly options: RedisConnectionsOptions) {
    this.commandTimeoutMs = options.commandTimeoutMs ?? 3_000;
    this.keys = new RedisKeys(options.prefix);
    this.client = createCommandClient(options.redis, this.commandTimeoutMs);
    this.sharded = isCluster(this.client);
    this.commands = new RedisCommands(this.client);
    this.subscriptions = new RedisSubscriptions(
      this.clock,
      () => this.topology,
      () => this.noteChange(),
    );
    this.topology = createTopology(this.client, this.commandTimeoutMs, this.subscriptions);
    const { keys, clock, commands, subscriptions, topology } = this;
    this.probe = new RedisProbe({ keys, clock, commands, subscriptions, topology });
    this.listen();
  }

  /** Whether commands and subscriptions have their connections. */
  get available(): boolean {
    return this.client.status === 'ready' && this.topology.subscribers.some((subscriber) => subscriber.ready);
  }

  /** Called when {@link available} changes between {@link open} and {@link close}. */
  onAvailability(listener: (available: boolean) => void): void {
    this.listeners.push(listener);
  }

  /**
   * Connects, and looks whether the server can serve Rookery.
   *
   * @throws RealtimeConfigError bad_config — it can't: too old, of another kind than configured, or the password is wrong.
   * @throws BrokerUnavailableError unavailable — nothing answered in time.
   */
  async open(): Promise<void> {
    this.users += 1;
    this.opened ??= this.connect();
    try {
      await this.opened;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Closes the connections when the last of those who opened them has closed them; each once. Then they stay closed. */
  async close(): Promise<void> {
    this.users -= 1;
    if (this.users > 0) return;
    this.opened = undefined;
    this.isOpen = false;
    this.probing?.cancel();
    this.subscriptions.close();
    this.topology.disconnect();
    await this.disconnect();
  }

  /**
   * Resolves when every connection for commands answered within the time, and on every one for subscriptions came back
   * what was published meanwhile; rejects otherwise.
   */
  async ping(timeoutMs: number): Promise<void> {
    if (!this.available) throw this.away();
    if (!this.subscriptions.complete) throw new BrokerUnavailableError('subscriptions are being renewed: try again');
    const pings = this.servers().map(async (server) => void (await server.ping()));
    const rounds = this.topology.subscribers.map(async (subscriber) => {
      if (!(await this.probe.comesBack(subscriber, timeoutMs))) throw new BrokerUnavailableError(DEAD);
    });
    try {
      await within(this.clock, timeoutMs, Promise.all([...pings, ...rounds]), () => {
        return new BrokerUnavailableError(`expected an answer of Redis within ${timeoutMs} ms, got none`);
      });
    } catch (error) {
      throw error instanceof BrokerUnavailableError ? error : this.away(error);
    }
  }

  private async connect(): Promise<void> {
    const deadline = this.clock.now() + (this.options.openTimeoutMs ?? 10_000);
    this.client.connect().catch(() => undefined); // It tries again by itself; why it failed comes as an `error`.
    await this.until(() => this.client.status === 'ready' && areAll(this.servers(), isReady), deadline);
    for (const info of await Promise.all(this.servers().map((server) => readInfo(server)))) {
      for (const warning of checkServer(info, this.sharded)) this.warn(warning);
    }
    this.topology.connect();
    await this.until(() => areAll(this.topology.subscribers, (subscriber) => subscriber.ready), deadline);
    await this.openProbes();
    this.probing = this.clock.every(this.options.probeMs ?? 5_000, () => {
      for (const subscriber of this.topology.subscribers) void this.prove(subscriber);
    });
    this.lastError = undefined;
    this.wasAvailable = this.available;
    this.isOpen = true;
  }

  private listen(): void {
    this.client.on('error', (error: Error & { lastNodeError?: Error }) => this.note(error.lastNodeError ?? error));
    this.client.on('ready', () => this.noteAvailability());
    this.client.on('close', () => this.noteAvailability());
    if (!isCluster(this.client)) return;
    this.client.on('node error', (error: Error) => this.note(error));
    // A node that is not connected takes one command and refuses those that follow: it is connected before the first.
    // While the cluster is looked at, though, that one is the look: a node that is connecting would refuse it.
    this.client.on('ready', () => {
      for (const node of this.servers()) connectNode(node);
    });
    this.client.on('+node', (node: Redis) => {
      if (this.client.status === 'ready') connectNode(node);
    });
  }

  /** Makes a connection for subscriptions anew where nothing comes back on it, however well it seems to live. */
  private async prove(subscriber: RedisSubscriber): Promise<void> {
    if (!subscriber.ready) return;
    // A command that waits is what arms the socket's timeout: without, a dead connection of a quiet room would stay.
    subscriber.ping().catch(() => undefined);
    try {
      if (await this.probe.comesBack(subscriber, this.commandTimeoutMs)) return;
    } catch {
      return; // It could not be sent: that is another fault, and told by whoever finds it.
    }
    if (!this.isOpen || !subscriber.ready) return;
    this.warn(`${DEAD}; the connection is made anew`);
    this.options.onSubscriptionsDead?.();
    subscriber.reconnect();
  }

  private servers(): Redis[] {
    return isCluster(this.client) ? this.client.nodes('master') : [this.client];
  }

  private async until(condition: () => boolean, deadline: number): Promise<void> {
    while (!condition()) {
      if (this.lastError && HOPELESS.test(this.lastError.message)) {
        throw new RealtimeConfigError(
          `redis: expected to be let in, got "${this.lastError.message}": check URL and password`,
        );
      }
      if (this.clock.now() >= deadline) throw this.away();
      await new Promise<void>((resolve) => this.clock.after(OPEN_POLL_MS, resolve));
    }
  }

  /** Before anything else is subscribed: a channel that came later would be there where all others are lost. */
  private async openProbes(): Promise<void> {
    const ready = this.topology.subscribers.filter((subscriber) => subscriber.ready);
    await Promise.all(ready.map(async (subscriber) => this.probe.open(subscriber)));
  }

  private noteChange(): void {
    this.noteAvailability();
    if (this.isOpen) void this.openProbes();
  }

  private note(error: Error): void {
    this.lastError = error;
    this.noteAvailability();
  }

  private noteAvailability(): void {
    const { available } = this;
    if (available === this.wasAvailable || !this.isOpen) return;
    this.wasAvailable = available;
    if (available) this.lastError = undefined;
    else this.warn(`the connection to Redis is lost${this.why()}; it is tried again until it is there`);
    for (const listener of this.listeners) listener(available);
  }

  private warn(sentence: string): void {
    this.options.logger?.warn(sentence);
  }

  private away(error?: unknown): BrokerUnavailableError {
    const why = error instanceof Error ? ` ("${error.message}")` : this.why();
    // ioredis leaves out nodes without an address, and says nothing: one that never met another does not know its own.
    const hint = this.servers().length === 0 ? ', and that its nodes announce an address (cluster-announce-ip)' : '';
    return new BrokerUnavailableError(
      `expected an answer of Redis, got none${why}: see that it runs and can be reached${hint}`,
    );
  }

  private why(): string {
    return this.lastError ? ` ("${this.lastError.message}")` : '';
  }

  private async disconnect(): Promise<void> {
    const { client } = this;
    if (client.status === 'end' || client.status === 'wait') return;
    const ended = new Promise<void>((resolve) => {
      client.once('end', () => resolve());
      // Between two attempts there is no connection whose end could be told.
      if (client.status === 'reconnecting') resolve();
    });
    client.disconnect();
    await ended;
  }
}

/** A cluster that is lost has no servers: then none of them is what it should be. */
function areAll<Item>(items: readonly Item[], condition: (item: Item) => boolean): boolean {
  return items.length > 0 && items.every(condition);
}

function isReady(server: Redis): boolean {
  return server.status === 'ready';
}

function connectNode(node: Redis): void {
  if (node.status !== 'wait') return;
  node.connect().catch(() => undefined); // The cluster drops the node and looks for the slots anew.
}

async function readInfo(server: Redis): Promise<string> {
  try {
    return await server.info();
  } catch {
    return ''; // Not allowed to look: nothing is known, and the check says what that means.
  }
}
