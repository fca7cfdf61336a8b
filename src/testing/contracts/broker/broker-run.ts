import type { Broker } from '../../../index.js';
import { newAddress } from './helpers.js';

export interface BrokerSettings {
  readonly historySize: number;
  readonly historyTtlMs: number;
  readonly dedupeTtlMs: number;
}

/** Brokers of at least two pods that share their rooms, opened. */
export interface BrokerPods {
  readonly pods: readonly Broker[];
  /** Lets time pass for what expires. */
  elapse(ms: number): Promise<void>;
  /** Lets the rooms' data change hands without a loss, as a failover does: a new epoch follows. */
  changeHands(addresses: readonly string[]): Promise<void>;
  /** Closes the pods and what they share. */
  close(): Promise<void>;
}

export interface BrokerContract {
  /** Makes fresh pods. Addresses are new in each test, so what they share may be the same as before. */
  createPods(settings: BrokerSettings): Promise<BrokerPods>;
}

const SETTINGS: BrokerSettings = { historySize: 1_000, historyTtlMs: 60_000, dedupeTtlMs: 60_000 };

/** The pods of the test that runs, and a room that no other test uses. */
export class BrokerRun {
  room = '';
  private present: BrokerPods | undefined;

  constructor(private readonly contract: BrokerContract) {}

  get pods(): BrokerPods {
    if (!this.present) throw new Error('expected pods: they are there while a test runs');
    return this.present;
  }

  get a(): Broker {
    return this.pods.pods[0] as Broker;
  }

  get b(): Broker {
    return this.pods.pods[1] as Broker;
  }

  async start(settings: Partial<BrokerSettings> = {}): Promise<void> {
    this.room = newAddress();
    this.present = await this.contract.createPods({ ...SETTINGS, ...settings });
  }

  /** Takes other pods, with other settings. */
  async restart(settings: Partial<BrokerSettings>): Promise<void> {
    await this.end();
    await this.start(settings);
  }

  async end(): Promise<void> {
    await this.present?.close();
    this.present = undefined;
  }
}
