/** One metric: its name without the prefix `rookery_`, what kind it is, what it tells. docs/metrics.md has the same table. */
export interface MetricRow {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

/** Every metric. Counters end in `_total`, as Prometheus asks; labels have few values: never a user, a room or an address. */
export const metricTable = {
  connections: { kind: 'gauge', help: 'Connections of this pod.', labels: [] },
  rooms: { kind: 'gauge', help: 'Rooms with a member on this pod, those of users apart.', labels: [] },
  buffered_bytes: { kind: 'gauge', help: 'Bytes queued for all readers of this pod.', labels: [] },
  broker_available: { kind: 'gauge', help: '1 while the broker answers, else 0.', labels: [] },
  recovering_rooms: { kind: 'gauge', help: 'Rooms that still read what they missed while cut off.', labels: [] },
  draining: { kind: 'gauge', help: '1 from the signal on that ends this pod, else 0.', labels: [] },
  connections_opened_total: { kind: 'counter', help: 'Connections that were opened.', labels: ['namespace'] },
  connections_closed_total: {
    kind: 'counter',
    help: 'Connections that ended, by close code.',
    labels: ['namespace', 'code'],
  },
  handshakes_refused_total: { kind: 'counter', help: 'Handshakes that were refused.', labels: ['status', 'code'] },
  joins_total: {
    kind: 'counter',
    help: 'Joins, by whether the cursor could be recovered: true, false, or none was given.',
    labels: ['namespace', 'recovered'],
  },
  frames_received_total: { kind: 'counter', help: 'Frames that clients sent.', labels: [] },
  frames_failed_total: { kind: 'counter', help: 'Frames that were answered with an error.', labels: ['code'] },
  messages_total: { kind: 'counter', help: 'Messages of rooms that came to this pod.', labels: [] },
  deliveries_total: { kind: 'counter', help: 'Those messages, times the members they went to.', labels: [] },
  publish_seconds: { kind: 'histogram', help: 'How long publishes took until the broker had them.', labels: [] },
  publishes_failed_total: { kind: 'counter', help: 'Publishes that the broker did not take in time.', labels: [] },
  repairs_total: {
    kind: 'counter',
    help: 'Rooms that were repaired from history, by how it was noticed.',
    labels: ['cause', 'recovered'],
  },
  epochs_begun_total: {
    kind: 'counter',
    help: 'Rooms of this pod whose numbering began anew, by whether their members lost nothing.',
    labels: ['recovered'],
  },
  gaps_told_total: { kind: 'counter', help: 'Times that a connection was told recovered: false.', labels: [] },
  buffers_cut_total: {
    kind: 'counter',
    help: 'Readers that were closed because all together had too much queued.',
    labels: [],
  },
  presence_reaped_total: { kind: 'counter', help: 'Users who left because their pod is gone.', labels: [] },
  moderation_total: { kind: 'counter', help: 'Kicks, disconnects and unbans that began here.', labels: ['action'] },
  admin_requests_total: {
    kind: 'counter',
    help: 'Calls of the admin API with the right key.',
    labels: ['action', 'status'],
  },
  admin_refused_total: { kind: 'counter', help: 'Calls of the admin API without it.', labels: ['code'] },
  broker_lost_total: { kind: 'counter', help: 'Times that the broker was found to be away.', labels: [] },
  subscriptions_died_total: {
    kind: 'counter',
    help: 'Times that nothing came any more over a connection to Redis that seemed to live.',
    labels: [],
  },
  hooks_failed_total: { kind: 'counter', help: 'Hooks of the application that threw.', labels: ['hook'] },
  tasks_failed_total: { kind: 'counter', help: 'Faults inside, each with a log line.', labels: [] },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof metricTable;
