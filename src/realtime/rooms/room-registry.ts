import type { Timer } from '../clock.js';
import type { Connection } from '../connection/connection.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import { listOf, minus, plus, sizeOf } from '../few.js';
import type { Few } from '../few.js';
import type { Address } from './address.js';
import { LatestRoom } from './latest-room.js';
import type { LatestRoomParts } from './latest-room.js';
import { LocalRoom } from './local-room.js';
import { PositionCheck } from './position-check.js';
import type { RoomKind } from './room-kind.js';

/** A room as this pod sees it. */
export interface RoomSummary {
  readonly address: string;
  readonly namespace: string;
  readonly name: string;
  /** Connections on this pod, not users and not over all pods. */
  readonly connections: number;
}

export interface RoomRegistryParts extends LatestRoomParts {
  readonly connections: ConnectionRegistry;
  readonly unsubscribeDelayMs: number;
  readonly positionCheckMs: number;
  readonly kindOf: (namespace: string) => RoomKind;
}

interface Entry {
  readonly room: LocalRoom;
  /** While it is being opened. */
  opening: Promise<void> | undefined;
  /** The connections whose `OnJoin` runs or ran. */
  inside: Few<Connection>;
  /** Whoever is joining, is in, or is being replayed. At 0 the room is closed after a while. */
  holders: number;
  closing: Timer | undefined;
}

/**
 * The rooms and connections of this pod. An application may inject it to look; what changes it is internal. A room is
 * subscribed once, however many members it has, and stays so for a while after the last one, for those who come back.
 */
export class RoomRegistry {
  private readonly entries = new Map<string, Entry>();
  /** Subscriptions that are being ended: opening the same room again waits for it. */
  private readonly ending = new Map<string, Promise<void>>();
  private readonly positionCheck: PositionCheck;
  /** Repairs after interrupted subscriptions that are under way. */
  private repairs = 0;

  constructor(private readonly parts: RoomRegistryParts) {
    const { events, broker } = parts;
    this.positionCheck = new PositionCheck(parts, () => this.localRooms());
    broker.onInterrupted((addresses) => {
      for (const address of addresses) {
        const room = this.entries.get(address)?.room;
        if (room) events.watch('repair', this.repair(room));
      }
    });
  }

  /** Whether rooms still read what they missed while their subscriptions were interrupted. */
  get recovering(): boolean {
    return this.repairs > 0;
  }

  /** How many rooms still do. @internal */
  get roomsRecovering(): number {
    return this.repairs;
  }

  /** The rooms that have a connection on this pod. */
  rooms(): RoomSummary[] {
    return [...this.entries.values()]
      .filter((entry) => entry.inside !== undefined)
      .map(({ room: { at }, inside }) => ({
        address: at.address,
        namespace: at.namespace,
        name: at.room,
        connections: sizeOf(inside),
      }));
  }

  /** The connections that are in a room on this pod. */
  members(address: string): Connection[] {
    return listOf(this.entries.get(address)?.inside);
  }

  /** The connections of this pod: of one namespace, or all. */
  connections(namespace?: string): Connection[] {
    return this.parts.connections.list(namespace);
  }

  /**
   * Subscribes a room, or finds it subscribed. Each call that resolves needs one {@link release}.
   *
   * @throws BrokerUnavailableError unavailable — nothing is held.
   * @internal
   */
  async acquire(at: Address): Promise<LocalRoom> {
    const entry = this.entries.get(at.address) ?? this.create(at);
    entry.holders += 1;
    entry.closing?.cancel();
    entry.closing = undefined;
    if (!entry.opening) return entry.room;
    try {
      await entry.opening;
      return entry.room;
    } catch (error) {
      entry.holders -= 1;
      throw error;
    }
  }

  /** @internal */
  release(room: LocalRoom): void {
    const entry = this.entries.get(room.at.address);
    if (entry?.room !== room) return;
    entry.holders -= 1;
    if (entry.holders > 0) return;
    entry.closing = this.parts.clock.after(this.parts.unsubscribeDelayMs, () => this.end(entry));
  }

  /** @returns whether this is the first connection in the room on this pod. @internal */
  add(room: LocalRoom, connection: Connection): boolean {
    const entry = this.entries.get(room.at.address);
    if (!entry) return false;
    entry.inside = plus(entry.inside, connection);
    return sizeOf(entry.inside) === 1;
  }

  /** @returns whether it was the last connection in the room on this pod. @internal */
  remove(room: LocalRoom, connection: Connection): boolean {
    const entry = this.entries.get(room.at.address);
    if (entry?.inside === undefined) return false;
    entry.inside = minus(entry.inside, connection);
    return entry.inside === undefined;
  }

  /** @internal */
  async close(): Promise<void> {
    this.positionCheck.stop();
    for (const entry of this.entries.values()) {
      entry.closing?.cancel();
      this.end(entry);
    }
    await Promise.all(this.ending.values());
  }

  private async repair(room: LocalRoom): Promise<void> {
    this.repairs += 1;
    try {
      await room.repair('interrupted');
    } finally {
      this.repairs -= 1;
    }
  }

  private create(at: Address): Entry {
    const room =
      this.parts.kindOf(at.namespace) === 'latest' ? new LatestRoom(at, this.parts) : new LocalRoom(at, this.parts);
    const entry: Entry = { room, opening: undefined, inside: undefined, holders: 0, closing: undefined };
    entry.opening = this.open(entry);
    this.entries.set(at.address, entry);
    return entry;
  }

  private async open(entry: Entry): Promise<void> {
    const { room } = entry;
    const ending = this.ending.get(room.at.address);
    if (ending) await ending;
    try {
      await room.open();
      entry.opening = undefined;
    } catch (error) {
      this.entries.delete(room.at.address);
      this.track(room);
      throw error;
    }
  }

  private end(entry: Entry): void {
    const { address } = entry.room.at;
    if (this.entries.get(address) !== entry) return;
    this.entries.delete(address);
    this.track(entry.room);
  }

  private track(room: LocalRoom): void {
    const { address } = room.at;
    const ended = room
      .close()
      .catch((error: unknown) => this.parts.events.emit('taskFailed', { task: `unsubscribe ${address}`, error }))
      .finally(() => {
        if (this.ending.get(address) === ended) this.ending.delete(address);
      });
    this.ending.set(address, ended);
  }

  private localRooms(): LocalRoom[] {
    return Array.from(this.entries.values(), ({ room }) => room);
  }
}
