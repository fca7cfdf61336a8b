import { SystemClock } from '../clock.js';
import type { Clock } from '../clock.js';
import { has, minus, plus } from '../few.js';
import type { Few } from '../few.js';
import type { PresencePage, PresentUser, ReapedUser } from './presence.js';

/** One of those who share the store. */
export interface MemoryPod {
  /** Tells it of a user who left because another pod is gone. */
  readonly reaped: (left: ReapedUser) => void;
}

interface PresentInRoom {
  readonly users: Map<string, { name: string; pods: Few<MemoryPod> }>;
  /** Ids in the order of their bytes. Kept so with each user: to sort a big room again for a page would hold up everybody. */
  readonly order: string[];
}

/** What Redis is to `RedisPresence`, for one process. Several `MemoryPresence` that share one are several pods. */
export class MemoryPresenceStore {
  private readonly rooms = new Map<string, PresentInRoom>();
  private readonly alive = new Set<MemoryPod>();

  constructor(private readonly clock: Clock = new SystemClock()) {}

  add(pod: MemoryPod): void {
    this.alive.add(pod);
  }

  enter(pod: MemoryPod, address: string, { id, name }: PresentUser): { first: boolean; members: number } {
    const room = this.rooms.get(address) ?? { users: new Map(), order: [] };
    this.rooms.set(address, room);
    const user = room.users.get(id) ?? { name, pods: undefined };
    const first = user.pods === undefined;
    if (first) {
      room.users.set(id, user);
      room.order.splice(placeAfter(room.order, id), 0, id);
    }
    user.name = name;
    user.pods = plus(user.pods, pod);
    return { first, members: room.users.size };
  }

  exit(pod: MemoryPod, address: string, id: string): { last: boolean; members: number } {
    const room = this.rooms.get(address);
    const user = room?.users.get(id);
    if (!room || !user || !has(user.pods, pod)) return { last: false, members: this.count(address) };
    user.pods = minus(user.pods, pod);
    if (user.pods !== undefined) return { last: false, members: room.users.size };
    room.users.delete(id);
    room.order.splice(placeAfter(room.order, id) - 1, 1);
    if (room.users.size === 0) this.rooms.delete(address);
    return { last: true, members: room.users.size };
  }

  count(address: string): number {
    return this.rooms.get(address)?.users.size ?? 0;
  }

  list(address: string, after: string | undefined, limit: number): PresencePage {
    const room = this.rooms.get(address);
    if (!room) return { count: 0, users: [], complete: true };
    const start = after === undefined ? 0 : placeAfter(room.order, after);
    const page = room.order.slice(start, start + limit);
    const users = page.map((id) => ({ id, name: room.users.get(id)?.name ?? '' }));
    return { count: room.users.size, users, complete: start + page.length >= room.order.length };
  }

  /** From now on nothing is told to the pod; after `graceMs` its users have left. */
  release(pod: MemoryPod, graceMs: number): void {
    this.alive.delete(pod);
    this.clock.after(graceMs, () => this.reap(pod));
  }

  private reap(pod: MemoryPod): void {
    for (const [address, { users }] of this.rooms) {
      for (const [id, { name, pods }] of users) {
        if (!has(pods, pod)) continue;
        const { last, members } = this.exit(pod, address, id);
        const [someone] = this.alive;
        if (last) someone?.reaped({ address, user: { id, name }, members });
      }
    }
  }
}

/** How many of the ordered ids come before this one, or are it. */
function placeAfter(order: readonly string[], id: string): number {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareBytes(order[middle]!, id) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Compares as their bytes in UTF-8 do: by code points. */
function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const [one, other] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (one !== other) return rankOf(one) - rankOf(other);
  }
  return a.length - b.length;
}

/** UTF-16 has surrogates, which stand for the highest code points, below the last of the others. */
function rankOf(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
