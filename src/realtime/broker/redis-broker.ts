import { randomBytes } from 'node:crypto';
import type {
  AvailabilityListener,
  Broker,
  HistoryPage,
  HistoryRange,
  LatestPage,
  LatestRange,
  MessageListener,
  Position,
  PublishOptions,
  PublishResult,
  SignalListener,
} from './broker.js';
import { RealtimeConfigError, RealtimeUsageError } from '../realtime.errors.js';
import type { RedisConnections } from './redis-connections.js';
import { latestScripts } from './redis-latest-scripts.js';
import type { LatestScripts } from './redis-latest-scripts.js';
import { decodeHistory, decodeLatest, decodeMessage, decodePosition, decodePublished } from './redis-message.js';
import { RedisPublisher } from './redis-publisher.js';
import { RedisReplicas } from './redis-replicas.js';
import { roomScripts } from './redis-scripts.js';
import type { RoomScripts } from './redis-scripts.js';
import type { RedisScript } from './redis-script.js';

export interface RedisBrokerOptions {
  readonly connections: RedisConnections;
  /** Frames kept per room. 0: no limit but the time. */
  readonly historySize: number;
  /** How long a room's frames are kept after its last one. 0: no limit. */
  readonly historyTtlMs: number;
  /** How long a dedupe key is remembered. */
  readonly dedupeTtlMs: number;
  /** Replicas that must have a stored message before its publish resolves. Default 0. Not on a cluster. */
  readonly waitReplicas?: number | undefined;
}

const POSITIONS_BATCH = 100;

/** Carries messages between pods by Redis ≥ 7.0 or Valkey: one server, Sentinels, or a cluster. */
export class RedisBroker implements Broker {
  private readonly connections: RedisConnections;
  private readonly publisher: RedisPublisher;
  private readonly replicas: RedisReplicas | undefined;
  private readonly scripts: RoomScripts;
  private readonly latestScripts: LatestScripts;
  private readonly signalListeners: SignalListener[] = [];
  private readonly interruptedListeners: ((addresses: readonly string[]) => void)[] = [];
  /** Names the epochs that this process begins: unlike anybody else's, and each unlike the one before. */
  private readonly epochPrefix = randomBytes(9).toString('base64url');
  private epochs = 0;
  /** Addresses whose subscriptions came back, to be told together. */
  private restored: string[] = [];
  private isOpen = false;

  /** @throws RealtimeConfigError bad_config — replicas are to be waited for on a cluster. */
  constructor(options: RedisBrokerOptions) {
    this.connections = options.connections;
    const { waitReplicas = 0 } = options;
    if (waitReplicas > 0 && this.connections.sharded) {
      // Each room's master would have to be asked by the connection that wrote, while slots move between them.
      throw new RealtimeConfigError('redisWaitReplicas: expected one server or Sentinels, got a cluster: set it to 0');
    }
    if (waitReplicas > 0) this.replicas = new RedisReplicas(options.connections.commands, waitReplicas);
    this.publisher = new RedisPublisher(options.connections.commands);
    const settings = { ...options, sharded: options.connections.sharded, waitReplicas };
    this.scripts = roomScripts(settings);
    this.latestScripts = latestScripts(settings);
    this.connections.onAvailability(() => this.tellRestored());
  }

  async open(): Promise<void> {
    await this.connections.open();
    try {
      await this.connections.subscriptions.subscribe(this.connections.keys.signal(), (payload) => {
        for (const listener of this.signalListeners) listener(payload);
      });
    } catch (error) {
      await this.connections.close();
      throw error;
    }
    this.isOpen = true;
  }

  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await this.publisher.settled();
    await this.connections.close();
  }

  async publish(address: string, payload: Buffer, options: PublishOptions): Promise<PublishResult> {
    if (options.key !== undefined) return this.publishLatest(address, options.key, payload, options.dedupeKey);
    const { keys } = this.connections;
    const { dedupeKey, except = '', store } = options;
    const names = [keys.metadata(address), keys.stream(address), keys.channel(address)];
    if (dedupeKey !== undefined) names.push(keys.dedupe(address, dedupeKey));
    const candidate = this.candidateEpoch();
    if (store) {
      const answer = await this.publisher.run(address, this.scripts.publish, names, [candidate, payload]);
      await this.replicas?.confirm();
      return decodePublished(answer);
    }
    if (except.includes('\n'))
      throw new RealtimeUsageError('except: expected the id of a connection, got a text of lines');
    const args = [candidate, payload, except];
    return decodePublished(await this.publisher.run(address, this.scripts.publishUnstored, names, args));
  }

  async subscribe(address: string, listener: MessageListener): Promise<void> {
    await this.connections.subscriptions.subscribe(
      this.connections.keys.channel(address),
      (bytes) => {
        const message = decodeMessage(bytes);
        if (message) listener(message);
      },
      () => this.noteRestored(address),
    );
  }

  async unsubscribe(address: string): Promise<void> {
    await this.connections.subscriptions.unsubscribe(this.connections.keys.channel(address));
  }

  async history(address: string, range: HistoryRange): Promise<HistoryPage> {
    const { keys, commands } = this.connections;
    const { since, before = Number.MAX_SAFE_INTEGER, limit, maxBytes } = range;
    const where = since === undefined ? ['down', before] : ['up', since + 1];
    const names = [keys.metadata(address), keys.stream(address)];
    const args = [this.candidateEpoch(), ...where, limit, maxBytes];
    return decodeHistory(asArray(await commands.run(this.scripts.history, names, args)), since !== undefined);
  }

  async latest(address: string, { since, limit, maxBytes }: LatestRange): Promise<LatestPage> {
    const args = [this.candidateEpoch(), since, limit, maxBytes];
    const { commands } = this.connections;
    return decodeLatest(asArray(await commands.run(this.latestScripts.read, this.latestNames(address), args)));
  }

  positions(addresses: readonly string[]): Promise<Position[]> {
    const { keys } = this.connections;
    const namesOf = (address: string): string[] => [keys.metadata(address), keys.stream(address)];
    return this.inBatches(addresses, this.scripts.positions, namesOf);
  }

  latestPositions(addresses: readonly string[]): Promise<Position[]> {
    return this.inBatches(addresses, this.latestScripts.positions, (address) => this.latestNames(address));
  }

  async clearHistory(address: string): Promise<void> {
    await this.connections.commands.call('unlink', [this.connections.keys.stream(address)]);
  }

  async signal(payload: Buffer): Promise<void> {
    const command = this.connections.sharded ? 'spublish' : 'publish';
    await this.connections.commands.call(command, [this.connections.keys.signal(), payload]);
  }

  get available(): boolean {
    return this.connections.available;
  }

  ping(timeoutMs: number): Promise<void> {
    return this.connections.ping(timeoutMs);
  }

  onSignal(listener: SignalListener): void {
    this.signalListeners.push(listener);
  }

  onAvailability(listener: AvailabilityListener): void {
    this.connections.onAvailability(listener);
  }

  onInterrupted(listener: (addresses: readonly string[]) => void): void {
    this.interruptedListeners.push(listener);
  }

  private async inBatches(
    addresses: readonly string[],
    script: RedisScript,
    namesOf: (address: string) => string[],
  ): Promise<Position[]> {
    // In a cluster each room has a slot of its own.
    const size = this.connections.sharded ? 1 : POSITIONS_BATCH;
    const batches: Promise<Position[]>[] = [];
    for (let start = 0; start < addresses.length; start += size) {
      batches.push(this.positionsOf(addresses.slice(start, start + size), script, namesOf));
    }
    return (await Promise.all(batches)).flat();
  }

  private async publishLatest(
    address: string,
    key: string,
    payload: Buffer,
    dedupeKey: string | undefined,
  ): Promise<PublishResult> {
    const { keys } = this.connections;
    const names = [...this.latestNames(address), keys.channel(address)];
    if (dedupeKey !== undefined) names.push(keys.dedupe(address, dedupeKey));
    const args = [this.candidateEpoch(), payload, key];
    const answer = await this.publisher.run(address, this.latestScripts.publish, names, args);
    await this.replicas?.confirm();
    return decodePublished(answer);
  }

  private latestNames(address: string): string[] {
    const { keys } = this.connections;
    return [keys.latestMetadata(address), keys.latestFrames(address), keys.latestVersions(address)];
  }

  private async positionsOf(
    addresses: readonly string[],
    script: RedisScript,
    namesOf: (address: string) => string[],
  ): Promise<Position[]> {
    const fields = asArray(
      await this.connections.commands.run(script, addresses.flatMap(namesOf), [this.candidateEpoch()]),
    );
    return addresses.map((_, i) => decodePosition(fields, i * 4));
  }

  /** What an epoch shall be called if the script begins one. */
  private candidateEpoch(): string {
    this.epochs += 1;
    return this.epochPrefix + this.epochs.toString(36);
  }

  private noteRestored(address: string): void {
    if (this.restored.push(address) === 1) setImmediate(() => this.tellRestored());
  }

  /** Whoever is told reads history, which takes the other connection: before that is there as well it would fail. */
  private tellRestored(): void {
    if (this.restored.length === 0 || !this.available) return;
    const addresses = this.restored.splice(0);
    for (const listener of this.interruptedListeners) listener(addresses);
  }
}

function asArray(answer: unknown): readonly unknown[] {
  return Array.isArray(answer) ? answer : [];
}
