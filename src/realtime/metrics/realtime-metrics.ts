import { Counter, Gauge, register } from 'prom-client';
import type { Registry } from 'prom-client';
import { CloseCode } from '../../protocol/close-codes.js';
import { USER_ROOM } from '../../protocol/names.js';
import type { RealtimeEvents } from '../realtime.events.js';
import { metricTable } from './metric-table.js';
import type { MetricName } from './metric-table.js';

/** What is read when somebody looks, and not counted. */
export interface MetricSources {
  readonly connections: () => number;
  readonly rooms: () => number;
  readonly bufferedBytes: () => number;
  readonly brokerAvailable: () => boolean;
  readonly received: () => number;
  readonly messages: () => number;
  readonly delivered: () => number;
}

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
  events.on('roomRepaired', ({ recovered }) => repairs.inc({ recovered: String(recovered) }));
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

  private register<Kind extends Counter | Gauge>(metric: Kind): Kind {
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
