import type { RedisConnections } from '../broker/redis-connections.js';
import { RedisScript } from '../broker/redis-script.js';
import { SystemClock } from '../clock.js';
import type { Timer } from '../clock.js';
import { BrokerUnavailableError } from '../realtime.errors.js';
import type { SeatRules, Seating, Seats } from './seats.js';

export interface RedisSeatsOptions {
  readonly connections: RedisConnections;
  /** How long a seat outlives the last sign of its pod. Default 20,000. A pod gives three within that time. */
  readonly leaseMs?: number | undefined;
}

const SIGNS_PER_LEASE = 3;

/** The time is the server's own: pods needn't agree about it. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * KEYS order, leases, replaced; ARGV connection, most, 1 to replace, lease in ms. Gives 0 where there is no seat, else 1 and the
 * connections that lost theirs. Order: by the time of taking, in microseconds. Leases: by when they run out.
 */
const takeScript = new RedisScript(`${NOW}
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], '-inf', now, 'BYSCORE')) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end
local reply = { 1 }
local too_many = redis.call('ZCARD', KEYS[1]) + 1 - ARGV[2]
if too_many > 0 then
  if ARGV[3] ~= '1' then return { 0 } end
  for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, too_many - 1)) do
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
    redis.call('ZADD', KEYS[3], now + ARGV[4], id)
    reply[#reply + 1] = id
  end
end
redis.call('ZADD', KEYS[1], time[1] * 1000000 + time[2], ARGV[1])
redis.call('ZADD', KEYS[2], now + ARGV[4], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return reply`);

/**
 * KEYS order, leases, replaced; ARGV lease in ms, connections. A seat that was lost with the data, or ran out while the
 * pod stood still, is taken again; gives those that were replaced: they have none any more, whoever was told of it.
 */
const renewScript = new RedisScript(`${NOW}
local reply = {}
for i = 2, #ARGV do
  if redis.call('ZSCORE', KEYS[3], ARGV[i]) then
    reply[#reply + 1] = ARGV[i]
  else
    redis.call('ZADD', KEYS[1], 'NX', time[1] * 1000000 + time[2] + i, ARGV[i])
    redis.call('ZADD', KEYS[2], now + ARGV[1], ARGV[i])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return reply`);

/** Seats that every pod knows by Redis. Each user's are three sorted sets that live as long as one of their leases. */
export class RedisSeats implements Seats {
  private readonly connections: RedisConnections;
  private readonly leaseMs: number;
  /** The machine's: leases are Redis's own time, which can't be moved. */
  private readonly clock = new SystemClock();
  /** The connections of this pod by their users. */
  private readonly own = new Map<string, Set<string>>();
  private timer: Timer | undefined;
  private tellReplaced: (userId: string, connections: readonly string[]) => void = () => undefined;

  constructor({ connections, leaseMs = 20_000 }: RedisSeatsOptions) {
    this.connections = connections;
    this.leaseMs = leaseMs;
  }

  onReplaced(listener: (userId: string, connections: readonly string[]) => void): void {
    this.tellReplaced = listener;
  }

  async open(): Promise<void> {
    await this.connections.open();
    this.timer = this.clock.every(this.leaseMs / SIGNS_PER_LEASE, () => void this.renew());
  }

  async close(): Promise<void> {
    this.timer?.cancel();
    await Promise.all([...this.own].flatMap(([userId, ids]) => [...ids].map((id) => this.release(userId, id))));
    await this.connections.close();
  }

  async take(userId: string, connectionId: string, { most, whenFull }: SeatRules): Promise<Seating> {
    const { commands } = this.connections;
    const replace = whenFull === 'replace' ? 1 : 0;
    const reply = await commands.run(takeScript, this.keysOf(userId), [connectionId, most, replace, this.leaseMs]);
    const [granted, ...replaced] = reply as [number, ...unknown[]];
    if (granted === 0) return { granted: false };
    this.own.set(userId, (this.own.get(userId) ?? new Set()).add(connectionId));
    return { granted: true, replaced: replaced.map(String) };
  }

  async release(userId: string, connectionId: string): Promise<void> {
    const ids = this.own.get(userId);
    if (ids?.delete(connectionId) && ids.size === 0) this.own.delete(userId);
    const { commands } = this.connections;
    try {
      await Promise.all(this.keysOf(userId).map((key) => commands.call('zrem', [key, connectionId])));
    } catch (error) {
      if (!(error instanceof BrokerUnavailableError)) throw error; // Redis is away: the lease runs out by itself.
    }
  }

  private async renew(): Promise<void> {
    const { commands } = this.connections;
    const renewals = [...this.own].map(async ([userId, ids]) => {
      const replaced = await commands.run(renewScript, this.keysOf(userId), [this.leaseMs, ...ids]);
      const own = (replaced as unknown[]).map(String);
      if (own.length > 0) this.tellReplaced(userId, own);
    });
    await Promise.allSettled(renewals); // Redis is away: the next sign may reach it.
  }

  private keysOf(userId: string): string[] {
    const { keys } = this.connections;
    return [keys.seats(userId), keys.seatLeases(userId), keys.seatsReplaced(userId)];
  }
}
