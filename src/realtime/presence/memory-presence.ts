import { BrokerUnavailableError } from '../realtime.errors.js';
import type { Clock } from '../clock.js';
import { MemoryPresenceStore } from './memory-presence-store.js';
import type { MemoryPod } from './memory-presence-store.js';
import type { Presence, PresencePage, PresentUser, ReapedUser } from './presence.js';

export interface MemoryPresenceOptions {
  /** Shared with others, which then are pods of one server. Default: a store of its own. */
  readonly store?: MemoryPresenceStore | undefined;
  /** Of a store of its own. Default: the clock of the machine. */
  readonly clock?: Clock | undefined;
}

/** The presence of one process. Its pod lives as long as the process, so nobody needs to take its lease away. */
export class MemoryPresence implements Presence {
  private readonly store: MemoryPresenceStore;
  private readonly listeners: ((left: ReapedUser) => void)[] = [];
  private readonly pod: MemoryPod = {
    reaped: (left) => {
      for (const listener of this.listeners) listener(left);
    },
  };
  private isOpen = false;

  constructor({ store, clock }: MemoryPresenceOptions = {}) {
    this.store = store ?? new MemoryPresenceStore(clock);
  }

  async open(): Promise<void> {
    this.isOpen = true;
    this.store.add(this.pod);
  }

  async close(graceMs: number): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.store.release(this.pod, graceMs);
  }

  async enter(address: string, user: PresentUser): Promise<{ first: boolean; members: number }> {
    this.checkOpen();
    return this.store.enter(this.pod, address, user);
  }

  async exit(address: string, userId: string): Promise<{ last: boolean; members: number }> {
    this.checkOpen();
    return this.store.exit(this.pod, address, userId);
  }

  async count(address: string): Promise<number> {
    this.checkOpen();
    return this.store.count(address);
  }

  async list(address: string, page: { after?: string | undefined; limit: number }): Promise<PresencePage> {
    this.checkOpen();
    return this.store.list(address, page.after, page.limit);
  }

  onReaped(listener: (left: ReapedUser) => void): void {
    this.listeners.push(listener);
  }

  private checkOpen(): void {
    if (this.isOpen) return;
    throw new BrokerUnavailableError('expected presence to be open: call open() first, and nothing after close()');
  }
}
