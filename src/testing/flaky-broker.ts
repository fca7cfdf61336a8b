import { BrokerUnavailableError, createMemoryBroker } from '../index.js';
import type { Broker } from '../index.js';

type PublishOptions = Parameters<Broker['publish']>[2];
type PublishResult = Awaited<ReturnType<Broker['publish']>>;
type MessageListener = Parameters<Broker['subscribe']>[1];
type BrokerMessage = Parameters<MessageListener>[0];
type HistoryRange = Parameters<Broker['history']>[1];
type HistoryPage = Awaited<ReturnType<Broker['history']>>;
type LatestRange = Parameters<Broker['latest']>[1];
type LatestPage = Awaited<ReturnType<Broker['latest']>>;
type Position = HistoryPage['position'];

/** What of a broker can be made to fail. */
export type BrokerOperation =
  | 'publish'
  | 'subscribe'
  | 'unsubscribe'
  | 'history'
  | 'positions'
  | 'latest'
  | 'latestPositions'
  | 'clearHistory'
  | 'signal'
  | 'ping';

/** Chooses deliveries: `true` for those that are meant. */
export type DeliveryFilter = (address: string, message: BrokerMessage) => boolean;

type Fault = { readonly kind: 'fail'; times: number } | { readonly kind: 'hang'; readonly until: Promise<void> };

/**
 * A broker that has the faults that a test orders, around one that works. Without an order it behaves like that one.
 * Give it to the module as the option `broker`.
 */
export class FlakyBroker implements Broker {
  private readonly faults = new Map<BrokerOperation, Fault>();
  private readonly calls = new Map<BrokerOperation, number>();
  private readonly waiting: { operation: BrokerOperation; calls: number; done: () => void }[] = [];
  private readonly availabilityListeners: ((available: boolean) => void)[] = [];
  private readonly interruptionListeners: ((addresses: readonly string[]) => void)[] = [];
  private dropped: DeliveryFilter | undefined;
  private held: (() => void)[] | undefined;
  private away = false;
  private letGo: () => void = () => undefined;
  private released = this.newRelease();

  /** @param inner The broker that works. Default: one in memory, on the machine's clock. */
  constructor(private readonly inner: Broker = createMemoryBroker()) {}

  /** Lets an operation fail with `unavailable`, from now on or this many times. Nothing reaches the broker inside. */
  fail(operation: BrokerOperation, times = Number.POSITIVE_INFINITY): void {
    this.faults.set(operation, { kind: 'fail', times });
  }

  /** Lets an operation hang from now on. {@link heal} lets it go on where it hung. */
  hang(operation: BrokerOperation): void {
    this.faults.set(operation, { kind: 'hang', until: this.released });
  }

  /** Ends every fault; what hung goes on, what was held is delivered, what was dropped stays lost. */
  heal(): void {
    this.faults.clear();
    this.dropped = undefined;
    const held = this.held ?? [];
    this.held = undefined;
    for (const deliver of held) deliver();
    this.letGo();
    this.released = this.newRelease();
  }

  /** Loses deliveries, as a dead subscription does, until {@link heal}. Default: all of them. */
  dropDeliveries(which: DeliveryFilter = () => true): void {
    this.dropped = which;
  }

  /** Keeps deliveries back until {@link heal}. */
  holdDeliveries(): void {
    this.held ??= [];
  }

  /** Is known to be away: `available` is false, and every operation fails, until {@link comeBack}. */
  goAway(): void {
    this.away = true;
    for (const listener of this.availabilityListeners) listener(false);
  }

  comeBack(): void {
    this.away = false;
    for (const listener of this.availabilityListeners) listener(this.available);
  }

  /** Says that the subscriptions of these addresses were interrupted and are there again. */
  interrupt(addresses: readonly string[]): void {
    for (const listener of this.interruptionListeners) listener(addresses);
  }

  /** How often an operation was called. */
  count(operation: BrokerOperation): number {
    return this.calls.get(operation) ?? 0;
  }

  /** Resolves when an operation was called once more than `after` times. Default: the next call. */
  called(operation: BrokerOperation, after: number = this.count(operation)): Promise<void> {
    return new Promise((resolve) => {
      if (this.count(operation) > after) resolve();
      else this.waiting.push({ operation, calls: after + 1, done: resolve });
    });
  }

  open(): Promise<void> {
    return this.inner.open();
  }

  close(): Promise<void> {
    this.heal();
    return this.inner.close();
  }

  publish(address: string, payload: Buffer, options: PublishOptions): Promise<PublishResult> {
    return this.through('publish', () => this.inner.publish(address, payload, options));
  }

  subscribe(address: string, listener: MessageListener): Promise<void> {
    const deliver = (message: BrokerMessage): void => {
      if (this.dropped?.(address, message)) return;
      if (this.held) this.held.push(() => listener(message));
      else listener(message);
    };
    return this.through('subscribe', () => this.inner.subscribe(address, deliver));
  }

  unsubscribe(address: string): Promise<void> {
    return this.through('unsubscribe', () => this.inner.unsubscribe(address));
  }

  history(address: string, range: HistoryRange): Promise<HistoryPage> {
    return this.through('history', () => this.inner.history(address, range));
  }

  positions(addresses: readonly string[]): Promise<Position[]> {
    return this.through('positions', () => this.inner.positions(addresses));
  }

  latest(address: string, range: LatestRange): Promise<LatestPage> {
    return this.through('latest', () => this.inner.latest(address, range));
  }

  latestPositions(addresses: readonly string[]): Promise<Position[]> {
    return this.through('latestPositions', () => this.inner.latestPositions(addresses));
  }

  clearHistory(address: string): Promise<void> {
    return this.through('clearHistory', () => this.inner.clearHistory(address));
  }

  signal(payload: Buffer): Promise<void> {
    return this.through('signal', () => this.inner.signal(payload));
  }

  get available(): boolean {
    return !this.away && this.inner.available;
  }

  ping(timeoutMs: number): Promise<void> {
    return this.through('ping', () => this.inner.ping(timeoutMs));
  }

  onSignal(listener: (payload: Buffer) => void): void {
    this.inner.onSignal(listener);
  }

  onAvailability(listener: (available: boolean) => void): void {
    this.availabilityListeners.push(listener);
    this.inner.onAvailability(() => listener(this.available));
  }

  onInterrupted(listener: (addresses: readonly string[]) => void): void {
    this.interruptionListeners.push(listener);
    this.inner.onInterrupted(listener);
  }

  /** Without a fault the broker inside is called within this call: the port promises order to whoever does not await. */
  private through<Result>(operation: BrokerOperation, step: () => Promise<Result>): Promise<Result> {
    this.note(operation);
    // The port promises that ending a subscription never throws.
    if (this.away && operation !== 'unsubscribe') return Promise.reject(unavailable(operation));
    const fault = this.faults.get(operation);
    if (!fault) return step();
    if (fault.kind === 'hang') return fault.until.then(step);
    fault.times -= 1;
    if (fault.times <= 0) this.faults.delete(operation);
    return Promise.reject(unavailable(operation));
  }

  private note(operation: BrokerOperation): void {
    const calls = this.count(operation) + 1;
    this.calls.set(operation, calls);
    for (const waiter of this.waiting.splice(0)) {
      if (waiter.operation === operation && waiter.calls <= calls) waiter.done();
      else this.waiting.push(waiter);
    }
  }

  private newRelease(): Promise<void> {
    return new Promise((resolve) => {
      this.letGo = resolve;
    });
  }
}

function unavailable(operation: BrokerOperation): BrokerUnavailableError {
  return new BrokerUnavailableError(`the broker was told to fail "${operation}": call heal() or comeBack() to end it`);
}
