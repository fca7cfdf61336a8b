import type {
  Broker,
  HistoryPage,
  HistoryRange,
  LatestPage,
  LatestRange,
  MessageListener,
  Position,
  PublishOptions,
  PublishResult,
  SignalListener,
} from './broker.js';
import { BrokerUnavailableError } from '../realtime.errors.js';
import { MemoryStore } from './memory-store.js';
import type { MemoryStoreOptions } from './memory-store.js';

/** A store that brokers share, which makes them pods of one server, or what a store of its own shall be like. */
export type MemoryBrokerOptions = { readonly store: MemoryStore } | MemoryStoreOptions;

/** No room's address: that has a slash. */
const SIGNALS = 'signals';

/** The broker of one process. Same semantics as Redis; what it keeps ends with the process. */
export class MemoryBroker implements Broker {
  private readonly store: MemoryStore;
  private readonly signalListeners: SignalListener[] = [];
  private isOpen = false;

  constructor(options: MemoryBrokerOptions) {
    this.store = 'store' in options ? options.store : new MemoryStore(options);
  }

  async open(): Promise<void> {
    if (this.isOpen) return;
    this.store.subscribe(this, SIGNALS, ({ payload }) => {
      for (const listener of this.signalListeners) listener(payload);
    });
    this.isOpen = true;
  }

  async close(): Promise<void> {
    this.store.unsubscribeAll(this);
    this.isOpen = false;
  }

  async publish(address: string, payload: Buffer, options: PublishOptions): Promise<PublishResult> {
    this.checkOpen();
    return this.store.publish(address, payload, options);
  }

  async subscribe(address: string, listener: MessageListener): Promise<void> {
    this.checkOpen();
    this.store.subscribe(this, address, listener);
  }

  async unsubscribe(address: string): Promise<void> {
    this.store.unsubscribe(this, address);
  }

  async history(address: string, range: HistoryRange): Promise<HistoryPage> {
    this.checkOpen();
    return this.store.history(address, range);
  }

  async positions(addresses: readonly string[]): Promise<Position[]> {
    this.checkOpen();
    return addresses.map((address) => this.store.position(address));
  }

  async latest(address: string, range: LatestRange): Promise<LatestPage> {
    this.checkOpen();
    return this.store.latest(address, range);
  }

  async latestPositions(addresses: readonly string[]): Promise<Position[]> {
    this.checkOpen();
    return addresses.map((address) => this.store.latestPosition(address));
  }

  async clearHistory(address: string): Promise<void> {
    this.checkOpen();
    this.store.clearHistory(address);
  }

  async signal(payload: Buffer): Promise<void> {
    this.checkOpen();
    this.store.publish(SIGNALS, payload, { store: false });
  }

  get available(): boolean {
    return this.isOpen;
  }

  async ping(): Promise<void> {
    this.checkOpen();
  }

  onSignal(listener: SignalListener): void {
    this.signalListeners.push(listener);
  }

  /** Never calls it: memory doesn't go away. */
  onAvailability(): void {}

  /** Never calls it: nothing comes between this process and itself. */
  onInterrupted(): void {}

  private checkOpen(): void {
    if (!this.isOpen)
      throw new BrokerUnavailableError('expected an open broker: call open() first, and not after close()');
  }
}
