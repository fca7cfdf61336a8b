import type { Presence, PresencePage, PresentUser, ReapedUser } from '../../src/index.js';

/** Who is in which room, for pods of one process: what Redis knows of it, without leases. */
export class SharedPresenceStore {
  /** By address, then by user: the name, and the pods that hold the user. */
  readonly rooms = new Map<string, Map<string, { name: string; pods: Set<object> }>>();

  room(address: string): Map<string, { name: string; pods: Set<object> }> {
    const room = this.rooms.get(address) ?? new Map<string, { name: string; pods: Set<object> }>();
    this.rooms.set(address, room);
    return room;
  }
}

/** One pod's view of a {@link SharedPresenceStore}. */
export class SharedPresence implements Presence {
  constructor(private readonly store: SharedPresenceStore) {}

  async open(): Promise<void> {}

  /** A pod that ends leaves its users in the rooms: they may be on their way to another one. */
  async close(): Promise<void> {}

  async enter(address: string, { id, name }: PresentUser): Promise<{ first: boolean; members: number }> {
    const room = this.store.room(address);
    const user = room.get(id);
    if (user) {
      user.name = name;
      user.pods.add(this);
    } else {
      room.set(id, { name, pods: new Set([this]) });
    }
    return { first: !user, members: room.size };
  }

  async exit(address: string, userId: string): Promise<{ last: boolean; members: number }> {
    const room = this.store.room(address);
    const user = room.get(userId);
    const was = user?.pods.delete(this) ?? false;
    const last = was && user?.pods.size === 0;
    if (last) room.delete(userId);
    return { last, members: room.size };
  }

  async count(address: string): Promise<number> {
    return this.store.room(address).size;
  }

  async list(address: string, { after, limit }: { after?: string; limit: number }): Promise<PresencePage> {
    const all = [...this.store.room(address)].map(([id, { name }]) => ({ id, name }));
    all.sort((a, b) => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)));
    const rest = all.filter(({ id }) => after === undefined || Buffer.compare(Buffer.from(id), Buffer.from(after)) > 0);
    return { count: all.length, users: rest.slice(0, limit), complete: rest.length <= limit };
  }

  onReaped(_listener: (left: ReapedUser) => void): void {
    // Pods of one process do not die alone.
  }
}
