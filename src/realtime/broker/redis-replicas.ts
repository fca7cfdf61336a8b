import { BrokerUnavailableError } from '../realtime.errors.js';
import type { RedisCommands } from './redis-commands.js';

/** How long replicas have. Meanwhile the connection takes no other command, so it is short. */
const WAIT_MS = 1_000;

/**
 * Waits until enough replicas have what this process wrote (`WAIT`), so that a failover loses less of what was
 * acknowledged. One question is under way at a time, and answers for all that were written before it.
 */
export class RedisReplicas {
  private asking: Promise<void> | undefined;
  private next: Promise<void> | undefined;

  constructor(
    private readonly commands: RedisCommands,
    private readonly count: number,
  ) {}

  /**
   * Resolves when enough replicas have what was written. To be called in the turn in which the answer to a write came:
   * Redis answers for what was written on the same connection, and on one that is made anew nothing was.
   *
   * @throws BrokerUnavailableError unavailable — too few have it, or the connection was lost: it is stored, and may be
   *   lost in a failover.
   */
  confirm(): Promise<void> {
    if (!this.asking) return this.ask();
    // Where the one before fails the connection may be another by then, so these fail with it.
    this.next ??= this.asking.then(() => this.ask());
    return this.next;
  }

  private ask(): Promise<void> {
    this.next = undefined;
    const asking = this.wait();
    this.asking = asking;
    const clear = (): void => {
      if (this.asking === asking) this.asking = undefined;
    };
    asking.then(clear, clear);
    return asking;
  }

  private async wait(): Promise<void> {
    const have = Number(await this.commands.call('wait', [this.count, WAIT_MS]));
    if (have >= this.count) return;
    throw new BrokerUnavailableError(
      `expected ${this.count} replicas to have it (redisWaitReplicas), got ${have} within ${WAIT_MS} ms: it is stored; send it again with the same id`,
    );
  }
}
