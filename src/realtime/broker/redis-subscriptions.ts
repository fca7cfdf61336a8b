import type { Clock, Timer } from '../clock.js';
import { unavailable } from './redis-commands.js';
import type { RedisSubscriber } from './redis-subscriber.js';
import type { SubscriberTopology, TopologyEvents } from './redis-topology.js';

interface Subscription {
  readonly channel: string;
  readonly slot: number;
  deliver: (message: Buffer) => void;
  /** Told when the subscription was interrupted and is there again. */
  readonly onRestored: (() => void) | undefined;
  /** The connection it is on, or is being put on. */
  on: RedisSubscriber | undefined;
  live: boolean;
  established: Promise<void>;
}

const NONE: ReadonlySet<string> = new Set();
const ATTEMPTS = 5;
const ATTEMPT_PAUSE_MS = 100;
const RESTORE_PAUSE_MS = 250;
const RESTORE_BATCH = 500;

/**
 * The channels that this process listens to. What was subscribed once is subscribed again after every interruption,
 * until that succeeds or it is unsubscribed; only then its owner is told, and may read what it missed.
 */
export class RedisSubscriptions implements TopologyEvents {
  private readonly subscriptions = new Map<string, Subscription>();
  private readonly interrupted = new Set<Subscription>();
  private restoring = false;
  private retry: Timer | undefined;
  private closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly topology: () => SubscriberTopology,
    private readonly onChange: () => void,
  ) {}

  /**
   * From the moment it resolves, every message of the channel is delivered. Calling it again replaces `deliver`, and
   * subscribes once more: the other side may have lost what this one takes for subscribed.
   *
   * @throws BrokerUnavailableError unavailable — not subscribed.
   */
  async subscribe(channel: string, deliver: (message: Buffer) => void, onRestored?: () => void): Promise<void> {
    const present = this.subscriptions.get(channel);
    if (present) {
      present.deliver = deliver;
      return this.confirm(present);
    }
    const subscription: Subscription = {
      channel,
      slot: this.topology().slotOf(channel),
      deliver,
      onRestored,
      on: undefined,
      live: false,
      established: Promise.resolve(),
    };
    this.subscriptions.set(channel, subscription);
    subscription.established = this.establish(subscription).catch((error: unknown) => {
      if (this.isWanted(subscription)) this.subscriptions.delete(channel);
      throw unavailable(error);
    });
    return subscription.established;
  }

  /** Never throws. After it resolves nothing of the channel is delivered. */
  async unsubscribe(channel: string): Promise<void> {
    const subscription = this.subscriptions.get(channel);
    if (!subscription) return;
    this.subscriptions.delete(channel);
    this.interrupted.delete(subscription);
    await subscription.on?.unsubscribe(channel);
  }

  /** Whether everything that is wanted is subscribed, as far as is known here. */
  get complete(): boolean {
    return this.interrupted.size === 0;
  }

  /** Ends everything; the connections are the topology's to close. */
  close(): void {
    this.closed = true;
    this.retry?.cancel();
    this.subscriptions.clear();
    this.interrupted.clear();
  }

  message(channel: string, message: Buffer): void {
    this.subscriptions.get(channel)?.deliver(message);
  }

  ready(): void {
    this.onChange();
    void this.restore();
  }

  lost(subscriber: RedisSubscriber): void {
    if (this.closed) return;
    this.interruptOn(subscriber);
    this.onChange();
    void this.topology().refresh();
  }

  moved(subscriber: RedisSubscriber, remaining: ReadonlySet<string>): void {
    this.interruptOn(subscriber, remaining);
    void this.topology()
      .refresh()
      .then(() => this.restore());
  }

  changed(): void {
    for (const subscription of this.subscriptions.values()) {
      if (!subscription.live || this.topology().ownerOf(subscription.slot) === subscription.on) continue;
      void subscription.on?.unsubscribe(subscription.channel);
      this.interrupt(subscription);
    }
    this.onChange();
    void this.restore();
  }

  /** One that is interrupted is being subscribed anyway. */
  private async confirm(subscription: Subscription): Promise<void> {
    await subscription.established;
    if (!subscription.live) return;
    try {
      await subscription.on?.subscribe(subscription.channel);
    } catch (error) {
      throw unavailable(error);
    }
  }

  private async establish(subscription: Subscription): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const subscriber = this.topology().ownerOf(subscription.slot);
      subscription.on = subscriber;
      try {
        if (!subscriber?.ready) throw new Error('no connection for subscriptions');
        await subscriber.subscribe(subscription.channel);
        subscription.live = true;
        return;
      } catch (error) {
        const moved = error instanceof Error && error.message.startsWith('MOVED ');
        if (!moved || attempt === ATTEMPTS || !this.isWanted(subscription)) throw error;
      }
      await this.topology().refresh();
      await new Promise<void>((resolve) => this.clock.after(ATTEMPT_PAUSE_MS * (attempt - 1), resolve));
    }
  }

  private interruptOn(subscriber: RedisSubscriber, except: ReadonlySet<string> = NONE): void {
    for (const subscription of this.subscriptions.values()) {
      const { on, live, channel } = subscription;
      if (on === subscriber && live && !except.has(channel)) this.interrupt(subscription);
    }
  }

  private interrupt(subscription: Subscription): void {
    subscription.live = false;
    subscription.on = undefined;
    this.interrupted.add(subscription);
  }

  private async restore(): Promise<void> {
    if (this.restoring || this.closed || this.interrupted.size === 0) return;
    this.restoring = true;
    this.retry?.cancel();
    try {
      await Promise.all([...this.batches()].map(([subscriber, batch]) => this.restoreBatch(subscriber, batch)));
    } finally {
      this.restoring = false;
    }
    if (this.interrupted.size === 0 || this.closed) return;
    this.retry = this.clock.after(RESTORE_PAUSE_MS, () => {
      void this.topology()
        .refresh()
        .then(() => this.restore());
    });
  }

  /** The interrupted ones, by the connection they belong on, where it is ready. */
  private batches(): Map<RedisSubscriber, Subscription[]> {
    const batches = new Map<RedisSubscriber, Subscription[]>();
    for (const subscription of this.interrupted) {
      const subscriber = this.topology().ownerOf(subscription.slot);
      if (!subscriber?.ready) continue;
      const batch = batches.get(subscriber);
      if (batch) batch.push(subscription);
      else batches.set(subscriber, [subscription]);
    }
    return batches;
  }

  private async restoreBatch(subscriber: RedisSubscriber, all: readonly Subscription[]): Promise<void> {
    for (let start = 0; start < all.length && subscriber.ready; start += RESTORE_BATCH) {
      const batch = all.slice(start, start + RESTORE_BATCH).filter((subscription) => this.isWanted(subscription));
      for (const subscription of batch) subscription.on = subscriber;
      const done = new Set(await subscriber.subscribeAll(batch.map(({ channel }) => channel)));
      for (const subscription of batch) {
        if (done.has(subscription.channel) && subscriber.ready) this.restored(subscription);
      }
    }
  }

  private restored(subscription: Subscription): void {
    if (!this.interrupted.delete(subscription)) return;
    subscription.live = true;
    subscription.onRestored?.();
  }

  private isWanted(subscription: Subscription): boolean {
    return this.subscriptions.get(subscription.channel) === subscription;
  }
}
