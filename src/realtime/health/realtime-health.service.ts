import { Injectable } from '@nestjs/common';
import type { Broker } from '../broker/broker.js';

/** What {@link RealtimeHealth} found. */
export interface HealthReport {
  /** `recovering`: rooms of this pod still read what they missed while it was cut off. */
  readonly status: 'ok' | 'unavailable' | 'recovering' | 'draining';
  /** Whether the broker answered just now, and what is published reaches this pod. */
  readonly broker: boolean;
}

const PING_TIMEOUT_MS = 1_000;

/** Says whether this pod can do its work: what a readiness probe asks. */
@Injectable()
export class RealtimeHealth {
  constructor(
    private readonly broker: Broker,
    private readonly rooms: { readonly recovering: boolean },
    private readonly drain: { readonly draining: boolean },
  ) {}

  /** Asks the broker, at most a second. Never rejects. */
  async check(): Promise<HealthReport> {
    const broker = await this.brokerAnswers();
    if (this.drain.draining) return { status: 'draining', broker };
    if (!broker) return { status: 'unavailable', broker };
    return { status: this.rooms.recovering ? 'recovering' : 'ok', broker };
  }

  private async brokerAnswers(): Promise<boolean> {
    try {
      await this.broker.ping(PING_TIMEOUT_MS);
      return true;
    } catch {
      return false; // That it does not answer is the answer.
    }
  }
}
