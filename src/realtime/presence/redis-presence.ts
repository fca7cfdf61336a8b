import type { RedisConnections } from '../broker/redis-connections.js';
import { SystemClock } from '../clock.js';
import type { Timer } from '../clock.js';
import { BrokerUnavailableError } from '../realtime.errors.js';
import type { Presence, PresencePage, PresentUser, ReapedUser } from './presence.js';
import { RedisPodLease } from './redis-pod-lease.js';
import { RedisPresenceRooms } from './redis-presence-rooms.js';
import { expiredScript } from './redis-presence-scripts.js';

export interface RedisPresenceOptions {
  readonly connections: RedisConnections;
  /** How long a pod counts as alive after its last sign. Default 10,000. It gives three within that time. */
  readonly leaseMs?: number | undefined;
}

/** A room in which this pod has users. */
interface LocalRoom {
  /** Names by id. */
  readonly users: Map<string, string>;
  /** Settled when the pod's list of rooms has it: before that nobody may be in it, or nobody could be reaped. */
  listed: Promise<void> | undefined;
}

/** A user who may be in a room by this pod although the call that said so failed. */
interface Stray {
  readonly address: string;
  readonly userId: string;
}

const SIGNS_PER_LEASE = 3;
const REAPED_AT_ONCE = 10;
const ROOMS_AT_ONCE = 50;
/** Rooms of a dead pod that are read at a time: it may have had a hundred thousand. */
const ROOMS_READ = 500;

/**
 * Presence over all pods by Redis. A pod owns what it enters by a lease. Once that has run out it is never renewed: the
 * pod goes on under another name, enters its users anew and takes the old ones away itself. So whoever reaps a dead
 * name can't hit a living pod, however long it takes.
 */
export class RedisPresence implements Presence {
  private readonly connections: RedisConnections;
  private readonly rooms: RedisPresenceRooms;
  /** The machine's: leases are Redis's own time, which can't be moved. */
  private readonly clock = new SystemClock();
  private readonly lease: RedisPodLease;
  private readonly listeners: ((left: ReapedUser) => void)[] = [];
  private readonly local = new Map<string, LocalRoom>();
  /** Rooms that are being taken off the pod's list: putting them on again waits for it. */
  private readonly unlisting = new Map<string, Promise<void>>();
  private readonly strays = new Map<string, Stray>();
  /** Names under which this pod went, with the rooms that may have users of theirs. */
  private readonly former = new Map<string, readonly string[]>();
  /** Rooms whose users are not entered under the present name yet. */
  private readonly unregistered = new Set<string>();
  private timer: Timer | undefined;
  private ticking: Promise<void> | undefined;
  private isOpen = false;

  constructor(options: RedisPresenceOptions) {
    this.connections = options.connections;
    this.rooms = new RedisPresenceRooms(options.connections.keys, options.connections.commands);
    this.lease = new RedisPodLease(options.connections, options.leaseMs ?? 10_000);
    this.connections.onAvailability((available) => {
      if (!available || !this.isOpen) return;
      this.lease.interrupted();
      this.tick();
    });
  }

  async open(): Promise<void> {
    await this.connections.open();
    try {
      await this.lease.take();
    } catch (error) {
      await this.connections.close();
      throw error;
    }
    this.isOpen = true;
    this.timer = this.clock.every(this.lease.leaseMs / SIGNS_PER_LEASE, () => this.tick());
  }

  async close(graceMs: number): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.timer?.cancel();
    await this.ticking;
    await this.lease.release(graceMs);
    await this.connections.close();
  }

  async enter(address: string, user: PresentUser): Promise<{ first: boolean; members: number }> {
    this.checkOpen();
    const room = this.local.get(address) ?? { users: new Map<string, string>(), listed: undefined };
    this.local.set(address, room);
    const wasHere = room.users.has(user.id);
    room.users.set(user.id, user.name);
    this.strays.delete(strayKey(address, user.id));
    try {
      return await this.rooms.enter(await this.listedUnder(address, room), address, user);
    } catch (error) {
      if (!wasHere) {
        room.users.delete(user.id);
        this.strays.set(strayKey(address, user.id), { address, userId: user.id });
      }
      throw error;
    }
  }

  async exit(address: string, userId: string): Promise<{ last: boolean; members: number }> {
    this.checkOpen();
    const room = this.local.get(address);
    room?.users.delete(userId);
    const result = await this.rooms.exit(this.lease.pod, address, userId);
    this.strays.delete(strayKey(address, userId));
    this.dropIfEmpty(address);
    return result;
  }

  async count(address: string): Promise<number> {
    this.checkOpen();
    return this.rooms.count(address);
  }

  async list(address: string, page: { after?: string | undefined; limit: number }): Promise<PresencePage> {
    this.checkOpen();
    return this.rooms.list(address, page.after, page.limit);
  }

  onReaped(listener: (left: ReapedUser) => void): void {
    this.listeners.push(listener);
  }

  /** Gives a sign of life, and does what is due. What fails because Redis is away is done at a later tick. */
  private tick(): void {
    this.ticking ??= this.tickNow()
      .catch((error: unknown) => {
        if (!(error instanceof BrokerUnavailableError)) throw error;
      })
      .finally(() => {
        this.ticking = undefined;
      });
  }

  private async tickNow(): Promise<void> {
    if (!(await this.lease.renew())) await this.goOnUnderAnotherName();
    await this.registerAnew();
    await this.takeStraysOut();
    // After an outage leases have run out all around: the others get the time of one to come back before anybody is reaped.
    if (this.lease.isSteady) await this.reapOthers();
  }

  private async goOnUnderAnotherName(): Promise<void> {
    const strays = [...this.strays.values()].map(({ address }) => address);
    this.former.set(this.lease.pod, [...new Set([...this.local.keys(), ...strays])]);
    this.strays.clear();
    this.lease.rename();
    for (const [address, room] of this.local) {
      room.listed = undefined;
      this.unregistered.add(address);
    }
    await this.lease.take();
  }

  private async registerAnew(): Promise<void> {
    await inBatches(this.unregistered, ROOMS_AT_ONCE, async (address) => {
      const room = this.local.get(address);
      if (room) await this.rooms.enterAll(await this.listedUnder(address, room), address, room.users);
      this.unregistered.delete(address);
    });
    // Only now: whoever is here under the present name has not left.
    for (const [pod, addresses] of this.former) {
      await inBatches(addresses, ROOMS_AT_ONCE, (address) => this.rooms.reap(pod, address, this.tell));
      await this.connections.commands.call('unlink', [this.connections.keys.podRooms(pod)]);
      this.former.delete(pod);
    }
  }

  private async takeStraysOut(): Promise<void> {
    for (const [key, { address, userId }] of this.strays) {
      const name = this.local.get(address)?.users.get(userId);
      const { last, members } = await this.rooms.exit(this.lease.pod, address, userId);
      this.strays.delete(key);
      this.dropIfEmpty(address);
      if (last) this.tell({ address, user: { id: userId, name: name ?? userId }, members });
    }
  }

  private async reapOthers(): Promise<void> {
    const { keys, commands } = this.connections;
    const pods = (await commands.run(expiredScript, [keys.pods()], [REAPED_AT_ONCE])) as unknown[];
    for (const pod of pods.map(String)) {
      await this.reapPod(pod);
      await commands.call('zrem', [keys.pods(), pod]);
    }
  }

  private async reapPod(pod: string): Promise<void> {
    const { keys, commands } = this.connections;
    const rooms = keys.podRooms(pod);
    for (;;) {
      const addresses = ((await commands.call('srandmember', [rooms, ROOMS_READ])) as unknown[]).map(String);
      if (addresses.length === 0) return;
      await inBatches(addresses, ROOMS_AT_ONCE, (address) => this.rooms.reap(pod, address, this.tell));
      await commands.call('srem', [rooms, ...addresses]);
    }
  }

  /** Puts a room on the list of the pod. @returns the name of the pod, which it has at that moment. */
  private async listedUnder(address: string, room: LocalRoom): Promise<string> {
    for (;;) {
      const { pod } = this.lease;
      room.listed ??= this.listRoom(pod, address, room);
      await room.listed;
      if (pod === this.lease.pod) return pod;
    }
  }

  private async listRoom(pod: string, address: string, room: LocalRoom): Promise<void> {
    try {
      await this.unlisting.get(address);
      await this.connections.commands.call('sadd', [this.connections.keys.podRooms(pod), address]);
    } catch (error) {
      room.listed = undefined;
      throw error;
    }
  }

  private dropIfEmpty(address: string): void {
    const room = this.local.get(address);
    if (room && room.users.size > 0) return;
    this.local.delete(address);
    const unlisted = this.connections.commands
      .call('srem', [this.connections.keys.podRooms(this.lease.pod), address])
      .then(
        () => undefined,
        () => undefined, // A room on the list that nobody is in costs whoever reaps one look.
      )
      .then(() => {
        if (this.unlisting.get(address) === unlisted) this.unlisting.delete(address);
      });
    this.unlisting.set(address, unlisted);
  }

  private checkOpen(): void {
    if (this.isOpen) return;
    throw new BrokerUnavailableError('expected presence to be open: call open() first, and nothing after close()');
  }

  private readonly tell = (left: ReapedUser): void => {
    for (const listener of this.listeners) listener(left);
  };
}

function strayKey(address: string, userId: string): string {
  return `${address}\n${userId}`;
}

async function inBatches<Item>(
  items: Iterable<Item>,
  size: number,
  step: (item: Item) => Promise<void>,
): Promise<void> {
  const all = [...items];
  for (let start = 0; start < all.length; start += size) {
    await Promise.all(all.slice(start, start + size).map((item) => step(item)));
  }
}
