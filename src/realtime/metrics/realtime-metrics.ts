import { Counter, Gauge, Histogram, register } from 'prom-client';
import type { Registry } from 'prom-client';
import { CloseCode } from '../../protocol/close-codes.js';
import { USER_ROOM } from '../../protocol/names.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { PublishTimes } from '../traffic.js';
import { metricTable } from './metric-table.js';
import type { MetricName } from './metric-table.js';

/** What is read when somebody looks, and not counted. */
export interface MetricSources {
  readonly connections: () => number;
  readonly rooms: () => number;
  readonly bufferedBytes: () => number;
  readonly brokerAvailable: () => boolean;
  readonly recovering: () => number;
  readonly draining: () => boolean;
  readonly publishes: Pick<PublishTimes, 'failed' | 'onTaken'>;
  readonly received: () => number;
  readonly messages: () => number;
  readonly delivered: () => number;
}

/** Seconds: memory takes microseconds, Redis nearby less than a millisecond; a command is given up after 3 s. */
const PUBLISH_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3];

/** A peer may close with any of two thousand codes: those that mean nothing here are one value of the label. */
const knownCodes: ReadonlySet<number> = new Set([...Object.values(CloseCode), 1005]);

/**
 * Metrics for Prometheus, by `prom-client`: they listen to what happens, and nobody waits for them. Counters of frames
 * are plain numbers on the way of a frame, read when somebody looks.
 *
 * @param registry A `Registry` of prom-client; `true`: its default one. Metrics of those names in it are replaced.
 */
export function exposeMetrics(registry: true | object, events: RealtimeEvents, sources: MetricSources): void {
  const metrics = new Metrics(registry === true ? register : (registry as Registry));
  metrics.read('connections', sources.connections);
  metrics.read('rooms', sources.rooms);
  metrics.read('buffered_bytes', sources.bufferedBytes);
  metrics.read('broker_available', () => Number(sources.brokerAvailable()));
  metrics.read('recovering_rooms', sources.recovering);
  metrics.read('draining', () => Number(sources.draining()));
  metrics.read('publishes_failed_total', () => sources.publishes.failed);
  const took = metrics.histogram('publish_seconds', PUBLISH_BUCKETS);
  sources.publishes.onTaken = (ms) => took.observe(ms / 1_000);
  metrics.read('frames_received_total', sources.received);
  metrics.read('messages_total', sources.messages);
  metrics.read('deliveries_total', sources.delivered);

  const opened = metrics.counter('connections_opened_total');
  events.on('connectionOpened', ({ namespace }) => opened.inc({ namespace }));
  const closed = metrics.counter('connections_closed_total');
  events.on('connectionClosed', ({ namespace, code }) =>
    closed.inc({ namespace, code: knownCodes.has(code) ? code : 'other' }),
  );
  const refused = metrics.counter('handshakes_refused_total');
  events.on('handshakeRefused', ({ status, code }) => refused.inc({ status, code }));
  const joins = metrics.counter('joins_total');
  events.on('roomJoined', ({ namespace, room, recovered = 'none' }) => {
    if (room !== USER_ROOM) joins.inc({ namespace, recovered: String(recovered) });
  });
  const failed = metrics.counter('frames_failed_total');
  events.on('frameFailed', ({ code }) => failed.inc({ code }));
  const repairs = metrics.counter('repairs_total');
  events.on('roomRepaired', ({ cause, recovered }) => repairs.inc({ cause, recovered: String(recovered) }));
  const epochs = metrics.counter('epochs_begun_total');
  events.on('epochBegan', ({ recovered }) => epochs.inc({ recovered: String(recovered) }));
  const gaps = metrics.counter('gaps_told_total');
  events.on('gapTold', ({ connections }) => gaps.inc(connections));
  const cut = metrics.counter('buffers_cut_total');
  events.on('buffersCut', (facts) => cut.inc(facts.closed));
  const reaped = metrics.counter('presence_reaped_total');
  events.on('presenceReaped', () => reaped.inc());
  const moderation = metrics.counter('moderation_total');
  events.on('userKicked', () => moderation.inc({ action: 'kick' }));
  events.on('userDisconnected', () => moderation.inc({ action: 'disconnect' }));
  events.on('userUnbanned', () => moderation.inc({ action: 'unban' }));
  const adminCalls = metrics.counter('admin_requests_total');
  events.on('adminCalled', ({ action, status }) => adminCalls.inc({ action, status }));
  const adminRefusals = metrics.counter('admin_refused_total');
  events.on('adminRefused', ({ code }) => adminRefusals.inc({ code }));
  const lost = metrics.counter('broker_lost_total');
  events.on('availabilityChanged', ({ available }) => {
    if (!available) lost.inc();
  });
  const dead = metrics.counter('subscriptions_died_total');
  events.on('subscriptionsDied', () => dead.inc());
  const hooks = metrics.counter('hooks_failed_total');
  events.on('hookFailed', ({ hook }) => hooks.inc({ hook }));
  const tasks = metrics.counter('tasks_failed_total');
  events.on('taskFailed', () => tasks.inc());
}

/** Makes the metrics of the table, in a registry. */
class Metrics {
  constructor(private readonly registry: Registry) {}

  counter(name: MetricName): Counter {
    return this.register(new Counter(this.config(name)));
  }

  histogram(name: MetricName, buckets: number[]): Histogram {
    return this.register(new Histogram({ ...this.config(name), buckets }));
  }

  /** A value that is read when somebody looks. A counter whose number others keep is set to it. */
  read(name: MetricName, value: () => number): void {
    const config = this.config(name);
    if (metricTable[name].kind === 'gauge') {
      this.register(
        new Gauge({
          ...config,
          collect() {
            this.set(value());
          },
        }),
      );
      return;
    }
    this.register(
      new Counter({
        ...config,
        collect() {
          this.reset();
          this.inc(value());
        },
      }),
    );
  }

  private register<Kind extends Counter | Gauge | Histogram>(metric: Kind): Kind {
    this.registry.registerMetric(metric);
    return metric;
  }

  private config(name: MetricName) {
    const { help, labels } = metricTable[name];
    const fullName = `rookery_${name}`;
    this.registry.removeSingleMetric(fullName);
    return { name: fullName, help, labelNames: [...labels], registers: [] };
  }
}
