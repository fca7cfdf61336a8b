import { Counter, Gauge, register } from 'prom-client';
import type { Registry } from 'prom-client';
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

/**
 * Metrics for Prometheus, by `prom-client`: they listen to what happens, and nobody waits for them. Counters of frames
 * are plain numbers on the way of a frame, read when somebody looks.
 */
export class RealtimeMetrics {
  private readonly registry: Registry;

  /** `registry`: a `Registry` of prom-client; `true`: its default one. Metrics of those names in it are replaced. */
  constructor(registry: true | object, events: RealtimeEvents, sources: MetricSources) {
    this.registry = registry === true ? register : (registry as Registry);
    this.read('connections', sources.connections);
    this.read('rooms', sources.rooms);
    this.read('buffered_bytes', sources.bufferedBytes);
    this.read('broker_available', () => Number(sources.brokerAvailable()));
    this.read('frames_received_total', sources.received);
    this.read('messages_total', sources.messages);
    this.read('deliveries_total', sources.delivered);
    this.listen(events);
  }

  private listen(events: RealtimeEvents): void {
    const opened = this.counter('connections_opened_total');
    events.on('connectionOpened', ({ namespace }) => opened.inc({ namespace }));
    const closed = this.counter('connections_closed_total');
    events.on('connectionClosed', ({ namespace, code }) => closed.inc({ namespace, code }));
    const refused = this.counter('handshakes_refused_total');
    events.on('handshakeRefused', ({ status, code }) => refused.inc({ status, code }));
    const joins = this.counter('joins_total');
    events.on('roomJoined', ({ namespace, room, recovered = 'none' }) => {
      if (room !== USER_ROOM) joins.inc({ namespace, recovered: String(recovered) });
    });
    const failed = this.counter('frames_failed_total');
    events.on('frameFailed', ({ code }) => failed.inc({ code }));
    const repairs = this.counter('repairs_total');
    events.on('roomRepaired', ({ recovered }) => repairs.inc({ recovered: String(recovered) }));
    const hooks = this.counter('hooks_failed_total');
    events.on('hookFailed', ({ hook }) => hooks.inc({ hook }));
    const tasks = this.counter('tasks_failed_total');
    events.on('taskFailed', () => tasks.inc());
  }

  private counter(name: MetricName): Counter {
    return new Counter(this.config(name));
  }

  /** A value that is read when somebody looks. A counter whose number others keep is set to it. */
  private read(name: MetricName, value: () => number): void {
    if (metricTable[name].kind === 'gauge') {
      new Gauge({
        ...this.config(name),
        collect() {
          this.set(value());
        },
      });
      return;
    }
    new Counter({
      ...this.config(name),
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  }

  private config(name: MetricName) {
    const { help, labels } = metricTable[name];
    const fullName = `rookery_${name}`;
    this.registry.removeSingleMetric(fullName);
    return { name: fullName, help, labelNames: [...labels], registers: [this.registry] };
  }
}
