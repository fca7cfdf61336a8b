import { randomBytes } from 'node:crypto';
import type { RedisConnections } from '../broker/redis-connections.js';
import { releaseScript, renewScript } from './redis-presence-scripts.js';

/** A sign that comes later than this part of the lease was held up: others' may have been, too. */
const LATE_SIGN = 1 / 2;

/** By what a pod counts as alive: its name in Redis, and how long after each sign of life it is there. */
export class RedisPodLease {
  /** The name under which this pod goes. */
  pod = newPodName();
  /** Since when signs of life came through on time; by `performance.now()`, which does not jump with the wall clock. */
  private steadySince = 0;
  private lastSign = 0;

  constructor(
    private readonly connections: RedisConnections,
    readonly leaseMs: number,
  ) {}

  /** Says whether all signs of one lease came through on time: others' may be trusted to have come, too. */
  get isSteady(): boolean {
    return performance.now() - this.steadySince >= this.leaseMs;
  }

  /** Takes the lease of a name that had none. */
  async take(): Promise<void> {
    const { keys, commands } = this.connections;
    await commands.run(renewScript, [keys.pods()], [this.pod, this.leaseMs, 1]);
    this.steadySince = this.lastSign = performance.now();
  }

  /** Gives a sign of life. @returns whether the lease was still there; if not, it is not renewed. */
  async renew(): Promise<boolean> {
    const { keys, commands } = this.connections;
    const renewed = (await commands.run(renewScript, [keys.pods()], [this.pod, this.leaseMs, 0])) === 1;
    this.noteSign();
    return renewed;
  }

  /** Goes under another name from now on, which has no lease yet. */
  rename(): void {
    this.pod = newPodName();
  }

  /** Redis was away. */
  interrupted(): void {
    this.steadySince = performance.now();
  }

  /** Lets the lease run out after this time. */
  async release(graceMs: number): Promise<void> {
    const { keys, commands } = this.connections;
    try {
      await commands.run(releaseScript, [keys.pods()], [this.pod, Math.ceil(graceMs)]);
    } catch {
      // Redis is away: the lease runs out by itself.
    }
  }

  /** An outage that this pod's lease outlived may have been too long for another's, whose last sign was older. */
  private noteSign(): void {
    const now = performance.now();
    if (now - this.lastSign > this.leaseMs * LATE_SIGN) this.steadySince = now;
    this.lastSign = now;
  }
}

function newPodName(): string {
  return randomBytes(9).toString('base64url');
}
