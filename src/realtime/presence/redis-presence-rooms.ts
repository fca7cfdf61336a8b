import type { RedisCommands } from '../broker/redis-commands.js';
import type { RedisKeys } from '../broker/redis-keys.js';
import type { PresencePage, PresentUser, ReapedUser } from './presence.js';
import { enterScript, exitScript, listScript, reapScript } from './redis-presence-scripts.js';

const BATCH = 200;

/** What presence keeps about rooms in Redis: each call is one script on the keys of one room. */
export class RedisPresenceRooms {
  constructor(
    private readonly keys: RedisKeys,
    private readonly commands: RedisCommands,
  ) {}

  async enter(pod: string, address: string, user: PresentUser): Promise<{ first: boolean; members: number }> {
    const [first, members] = await this.run(enterScript, pod, address, [user.id, user.name]);
    return { first: first === 1, members: Number(members) };
  }

  async enterAll(pod: string, address: string, users: ReadonlyMap<string, string>): Promise<void> {
    const all = [...users];
    const batches: Promise<unknown>[] = [];
    for (let start = 0; start < all.length; start += BATCH) {
      batches.push(this.run(enterScript, pod, address, all.slice(start, start + BATCH).flat()));
    }
    await Promise.all(batches);
  }

  async exit(pod: string, address: string, userId: string): Promise<{ last: boolean; members: number }> {
    const [last, members] = await this.run(exitScript, pod, address, [userId]);
    return { last: last === 1, members: Number(members) };
  }

  /** Takes everybody out of the room whom a pod had in it. `tell` hears of those who are in it no more. */
  async reap(pod: string, address: string, tell: (left: ReapedUser) => void): Promise<void> {
    for (let remaining = 1; remaining > 0;) {
      // The next batch only when this one is told.
      const [left, ...users] = await this.run(reapScript, pod, address, [BATCH]);
      remaining = Number(left);
      for (let i = 0; i + 2 < users.length; i += 3) {
        tell({ address, user: { id: String(users[i]), name: String(users[i + 1]) }, members: Number(users[i + 2]) });
      }
    }
  }

  async count(address: string): Promise<number> {
    return Number(await this.commands.call('zcard', [this.keys.users(address)]));
  }

  async list(address: string, after: string | undefined, limit: number): Promise<PresencePage> {
    const minimum = after === undefined ? '-' : `(${after}`;
    const names = [this.keys.users(address), this.keys.names(address)];
    const [count, more, ...fields] = asArray(await this.commands.run(listScript, names, [minimum, limit]));
    const users: PresentUser[] = [];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      users.push({ id: String(fields[i]), name: String(fields[i + 1]) });
    }
    return { count: Number(count), users, complete: more === 0 };
  }

  private async run(
    script: typeof enterScript,
    pod: string,
    address: string,
    args: readonly (string | number)[],
  ): Promise<readonly unknown[]> {
    const { keys } = this;
    const names = [keys.users(address), keys.names(address), keys.podCounts(address), keys.podUsers(address, pod)];
    return asArray(await this.commands.run(script, names, args));
  }
}

function asArray(answer: unknown): readonly unknown[] {
  return Array.isArray(answer) ? answer : [];
}
