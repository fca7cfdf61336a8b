import type { Redis } from 'ioredis';

export interface SubscriberEvents {
  /** Connected: nothing is subscribed yet. */
  ready(): void;
  /** Not connected any more: nothing is subscribed. */
  lost(): void;
  message(channel: string, message: Buffer): void;
  /** The server ended subscriptions by itself, because their slots moved away. These are the ones that it left. */
  moved(remaining: ReadonlySet<string>): void;
}

/** One connection for subscriptions. It comes back by itself, with nothing subscribed. */
export class RedisSubscriber {
  private isReady = false;
  private lookingAfterMove = false;

  constructor(
    private readonly redis: Redis,
    private readonly sharded: boolean,
    private readonly events: SubscriberEvents,
  ) {
    redis.on('error', () => undefined); // What follows from it, `close`, is what counts.
    redis.on('ready', () => {
      this.isReady = true;
      events.ready();
    });
    redis.on('close', () => {
      this.isReady = false;
      events.lost();
    });
    redis.on('moved', () => this.lookAfterMove());
    redis.on(sharded ? 'smessageBuffer' : 'messageBuffer', (channel: Buffer, message: Buffer) => {
      events.message(channel.toString(), message);
    });
  }

  get ready(): boolean {
    return this.isReady;
  }

  connect(): void {
    this.redis.connect().catch(() => undefined); // It tries again by itself.
  }

  /** @throws Error as it came from Redis: the channel is not subscribed. */
  async subscribe(channel: string): Promise<void> {
    await (this.sharded ? this.redis.ssubscribe(channel) : this.redis.subscribe(channel));
  }

  /** Subscribes many channels at once. @returns those that are subscribed now. */
  async subscribeAll(channels: readonly string[]): Promise<string[]> {
    if (!this.sharded) {
      return this.redis.subscribe(...channels).then(
        () => [...channels],
        () => [],
      );
    }
    // A sharded channel is a call of its own: one call, one slot.
    const results = await Promise.allSettled(channels.map((channel) => this.redis.ssubscribe(channel)));
    return channels.filter((_, i) => results[i]?.status === 'fulfilled');
  }

  /** Never throws: where it fails the connection is gone, and the subscription with it. */
  async unsubscribe(channel: string): Promise<void> {
    if (!this.isReady) return;
    try {
      await (this.sharded ? this.redis.sunsubscribe(channel) : this.redis.unsubscribe(channel));
    } catch {
      // A connection that does not answer is closed by its socket timeout.
    }
  }

  async ping(): Promise<void> {
    await this.redis.ping();
  }

  /** Gives the connection up and makes it anew, with nothing subscribed. */
  reconnect(): void {
    this.redis.disconnect(true);
  }

  disconnect(): void {
    this.isReady = false;
    this.redis.disconnect();
  }

  /** A moved slot is told once for each of its channels, and for each refused call: one look is enough for all. */
  private lookAfterMove(): void {
    if (this.lookingAfterMove) return;
    this.lookingAfterMove = true;
    setImmediate(() => {
      this.lookingAfterMove = false;
      const present = this.redis.condition?.subscriber;
      this.events.moved(new Set(present ? present.channels('ssubscribe') : []));
    });
  }
}
