import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { HealthReport } from '../health/realtime-health.service.js';
import { LoopLag } from '../limits/loop-lag.js';
import type { RealtimeParts } from '../realtime.parts.js';
import { USER_NAMESPACE } from '../rooms/address.js';
import type { RecentPublishes } from '../traffic.js';

/** What one pod is and does at this moment. Totals count from its start: two looks make a rate. */
export interface PodFigures {
  /** The host's name, and a part of its own for each process. */
  readonly pod: string;
  readonly version: string;
  readonly node: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly startedAt: number;
  readonly uptimeMs: number;
  readonly health: HealthReport;
  readonly connections: number;
  /** Rooms with a member on this pod, those of users apart. */
  readonly rooms: number;
  /** Bytes queued for readers. */
  readonly queuedBytes: number;
  readonly residentBytes: number;
  /** The longest delay of the event loop within the last one to two seconds. */
  readonly loopLagMs: number;
  /** Of the last minute. */
  readonly publishes: RecentPublishes;
  readonly totals: {
    /** Frames of clients. */
    readonly received: number;
    /** Messages of rooms that came to this pod. */
    readonly messages: number;
    /** Those, times the members that they went to. */
    readonly delivered: number;
    readonly publishes: number;
    readonly publishesFailed: number;
    readonly framesFailed: number;
    readonly handshakesRefused: number;
    /** Faults inside, and hooks that threw. */
    readonly faults: number;
  };
  /** 0: none. */
  readonly limits: Readonly<Record<(typeof shownLimits)[number], number>>;
}

const shownLimits = [
  'maxConnections',
  'maxConnectionsPerIp',
  'maxConnectionsPerUser',
  'maxRoomsPerConnection',
  'maxFrameBytes',
  'maxBufferedBytes',
  'maxBufferedTotalBytes',
  'messagesPerSecond',
  'messagesBurst',
  'historySize',
  'historyTtlMs',
] as const;

/** Puts the figures of this pod together when somebody looks. */
export class PodFigureCollector {
  readonly pod = `${hostname()}-${randomBytes(3).toString('hex')}`;
  private readonly version = readVersion();
  private readonly startedAt = Date.now();
  private readonly lag = new LoopLag();
  private framesFailed = 0;
  private handshakesRefused = 0;
  private faults = 0;

  constructor(
    private readonly parts: RealtimeParts,
    private readonly health: { check(): Promise<HealthReport> },
  ) {
    const { events } = parts;
    events.on('frameFailed', () => (this.framesFailed += 1));
    events.on('handshakeRefused', () => (this.handshakesRefused += 1));
    events.on('taskFailed', () => (this.faults += 1));
    events.on('hookFailed', () => (this.faults += 1));
  }

  async now(): Promise<PodFigures> {
    const { connections, registry, traffic, options } = this.parts;
    const health = await this.health.check();
    const at = Date.now();
    return {
      pod: this.pod,
      version: this.version,
      node: process.version,
      at,
      startedAt: this.startedAt,
      uptimeMs: at - this.startedAt,
      health,
      connections: connections.size,
      rooms: registry.rooms().filter(({ namespace }) => namespace !== USER_NAMESPACE).length,
      queuedBytes: connections.list().reduce((sum, { outbox }) => sum + outbox.pendingBytes, 0),
      residentBytes: process.memoryUsage.rss(),
      loopLagMs: Math.round(this.lag.ms),
      publishes: traffic.publishes.recent(),
      totals: {
        received: traffic.received,
        messages: traffic.messages,
        delivered: traffic.delivered,
        publishes: traffic.publishes.count,
        publishesFailed: traffic.publishes.failed,
        framesFailed: this.framesFailed,
        handshakesRefused: this.handshakesRefused,
        faults: this.faults,
      },
      limits: Object.fromEntries(shownLimits.map((name) => [name, options[name]])) as PodFigures['limits'],
    };
  }

  stop(): void {
    this.lag.stop();
  }
}

/** The package's own; `unknown` where a bundle has no package.json beside it. */
function readVersion(): string {
  try {
    const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
    const { name, version } = JSON.parse(text) as { name?: unknown; version?: unknown };
    return name === 'rookery' && typeof version === 'string' ? version : 'unknown';
  } catch {
    return 'unknown'; // It is only shown.
  }
}
