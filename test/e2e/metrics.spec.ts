import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { metricTable } from '../../src/realtime/metrics/metric-table.js';
import { TestClient } from '../../src/testing/index.js';
import { freshRoom, freshUser, say } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { Standalone } from '../support/standalone.js';
import { until } from '../support/within.js';

describe('metrics', () => {
  let chat: ChatServer | undefined;

  afterEach(async () => {
    await chat?.close();
    chat = undefined;
  });

  /** The value of one line of the text format. */
  async function value(registry: Registry, line: string): Promise<number | undefined> {
    const found = (await registry.metrics()).split('\n').find((candidate) => candidate.startsWith(`${line} `));
    return found === undefined ? undefined : Number(found.slice(line.length + 1));
  }

  it('count what comes, goes, is said and goes wrong', async () => {
    const registry = new Registry();
    chat = await startChat({ metrics: registry });
    const room = freshRoom();
    const [alice, bob] = [await chat.enter(room, freshUser()), await chat.enter(room, freshUser())];
    await say(alice, 'hi');
    await bob.next('message');
    await alice.request({ type: 'shout' });
    await TestClient.refusal(`${chat.url}/ws/chat/${room}`);
    expect(await value(registry, 'rookery_connections')).toBe(2);
    expect(await value(registry, 'rookery_rooms')).toBe(1);
    expect(await value(registry, 'rookery_broker_available')).toBe(1);
    expect(await value(registry, 'rookery_connections_opened_total{namespace="chat"}')).toBe(2);
    expect(await value(registry, 'rookery_joins_total{namespace="chat",recovered="none"}')).toBe(2);
    expect(await value(registry, 'rookery_frames_received_total')).toBe(2);
    expect(await value(registry, 'rookery_frames_failed_total{code="unknown_type"}')).toBe(1);
    expect(await value(registry, 'rookery_handshakes_refused_total{status="401",code="unauthenticated"}')).toBe(1);
    expect(await value(registry, 'rookery_deliveries_total')).toBeGreaterThanOrEqual(2);
    alice.ws.close(1000);
    await until('its end is counted', async () => {
      const line = 'rookery_connections_closed_total{namespace="chat",code="1000"}';
      return (await value(registry, line)) === 1;
    });
    expect(await value(registry, 'rookery_connections')).toBe(1);
  });

  it('are all in docs/metrics.md, and nothing else is', () => {
    const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const rows = text.split('\n').filter((line) => line.startsWith('| `rookery_'));
    const documented = rows.map((row) =>
      row
        .split('|')
        .slice(1, 5)
        .map((cell) => cell.trim()),
    );
    const expected = Object.entries(metricTable).map(([name, { kind, labels, help }]) => [
      `\`rookery_${name}\``,
      kind,
      labels.map((label) => `\`${label}\``).join(' '),
      help,
    ]);
    expect(documented).toEqual(expected);
  });

  it('are served by the standalone server, in the text format', async () => {
    const server = await Standalone.start({});
    try {
      const response = await fetch(`${server.httpUrl}/metrics`);
      const text = await response.text();
      expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
      for (const name of Object.keys(metricTable)) expect(text).toContain(`# HELP rookery_${name} `);
      expect(text).toContain('nodejs_eventloop_lag_seconds');
    } finally {
      await server.close();
    }
  });
});
