import type { RedisConnections } from '../broker/redis-connections.js';
import type { Bans } from './bans.js';

/** Bans that every pod knows by Redis: keys that live as long as the ban. */
export class RedisBans implements Bans {
  /** @param connections Somebody else opens and closes them. */
  constructor(private readonly connections: RedisConnections) {}

  /** A ban that is there already is never shortened. */
  async ban(scope: string, userId: string, forMs: number): Promise<void> {
    const key = this.connections.keys.ban(scope, userId);
    const ms = Math.ceil(Math.min(Math.max(forMs, 1), Number.MAX_SAFE_INTEGER - Date.now()));
    // One key, one connection: the second is carried out after the first.
    await Promise.all([
      this.connections.commands.call('set', [key, '1', 'PX', ms, 'NX']),
      this.connections.commands.call('pexpire', [key, ms, 'GT']),
    ]);
  }

  async unban(scope: string, userId: string): Promise<void> {
    await this.connections.commands.call('unlink', [this.connections.keys.ban(scope, userId)]);
  }

  async remainingMs(scopes: readonly string[], userId: string): Promise<number> {
    const { keys, commands } = this.connections;
    const left = await Promise.all(scopes.map(async (scope) => commands.call('pttl', [keys.ban(scope, userId)])));
    return Math.max(0, ...left.map(Number));
  }
}
