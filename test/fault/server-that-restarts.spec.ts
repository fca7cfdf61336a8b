import { randomBytes } from 'node:crypto';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { webSocketOver } from '../../bench/resilience/rookery-system.js';
import { Uplink } from '../../bench/resilience/uplink.js';
import { RealtimeClient } from '../../src/client/index.js';
import type { Clock } from '../../src/client/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { ServerProcess } from '../support/server-process.js';
import { mint } from '../support/tokens.js';
import { until } from '../support/within.js';

const CLIENTS = 500;
const AWAY_MS = 30_000;
/** From here on a client's next attempt comes at the latest (CC2). */
const LONGEST_WAIT_MS = 250 + 30_000;
const STEP_MS = 25;

jest.setTimeout(180_000);

const secret = randomBytes(32).toString('base64url');

/**
 * The time of the clients. `moved`: sockets and server are real, and the clock stands still while an attempt is under
 * way, so that the machine's load changes nothing. `real`: as in production, half a minute takes half a minute.
 */
const times = {
  moved: { make: () => new ManualClock(), timersRoundMs: 0, lateMs: STEP_MS, fullestShare: 0.12 },
  // A timer may fire a millisecond early by Date.now(); how late, and how many in one go, is up to the machine.
  real: { make: () => undefined, timersRoundMs: 1, lateMs: Infinity, fullestShare: 0.25 },
} as const;
const kinds = process.env['ROOKERY_DEEP'] === '1' ? (['moved', 'real'] as const) : (['moved'] as const);

describe.each(kinds)('%s time: 500 clients whose server is away for 30 s', (kind) => {
  const { make, timersRoundMs, lateMs, fullestShare } = times[kind];
  const leastMs = 250 - timersRoundMs;
  let server: ServerProcess;
  let clock: ManualClock | undefined;
  let clients: Reconnecting[] = [];

  beforeEach(async () => {
    server = await ServerProcess.start({ JWT_SECRET: secret, HEARTBEAT_MS: '0', MAX_LOOP_LAG_MS: '0' });
    clock = make();
    clients = Array.from({ length: CLIENTS }, (_, i) => new Reconnecting(server.wsUrl, `client-${i}`, clock));
    await passUntil('everybody is connected', () => clients.every(({ isConnected }) => isConnected), AWAY_MS);
  });

  afterEach(async () => {
    for (const { client } of clients) client.close();
    await server.stop();
  });

  it('come back, all of them, spread as CC2 says and never twice within 250 ms', async () => {
    for (const client of clients) client.beginRecord();
    await server.kill();
    await passUntil('everybody lost the connection', () => clients.every(({ lostAt }) => lostAt.length > 0), 1_000);
    const killedAt = Math.min(...clients.map(({ lostAt }) => lostAt[0] ?? 0));
    await pass(AWAY_MS);

    for (const { attempts, isComingBack } of clients) {
      expect(isComingBack).toBe(true);
      const gaps = attempts.slice(1).map((at, i) => at - (attempts[i] ?? 0));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(leastMs);
    }
    expect(median(clients.map(({ attempts }) => attempts.length))).toBeLessThanOrEqual(7);
    // What the server would see of the first attempts: no crowd.
    const first = clients.map(({ attempts }) => (attempts[0] ?? 0) - killedAt);
    expect(fullestBucket(first) / CLIENTS).toBeLessThan(fullestShare);
    // The first four waits of everybody: by their longest they are over after 16 s.
    for (const n of [0, 1, 2, 3]) {
      const waits = clients.map(({ attempts, lostAt }) => (attempts[n] ?? 0) - (lostAt[n] ?? 0));
      const spreadMs = 1_000 * 2 ** n;
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(leastMs);
      expect(Math.max(...waits)).toBeLessThanOrEqual(250 + spreadMs + lateMs);
      for (const quarter of [0, 1, 2, 3]) {
        const from = 250 + (quarter * spreadMs) / 4;
        const share = waits.filter((ms) => ms >= from && ms < from + spreadMs / 4).length / CLIENTS;
        expect(share).toBeGreaterThan(0.15);
        expect(share).toBeLessThan(0.35);
      }
    }

    server = await server.restart();
    await passUntil(
      'everybody is back',
      () => clients.every(({ isConnected }) => isConnected),
      LONGEST_WAIT_MS + 5_000,
    );
    await until('the server told of everybody', () => server.events('connected').length >= CLIENTS);
    const users = server.events('connected').map(({ userId }) => userId);
    expect(users).toHaveLength(CLIENTS);
    expect(new Set(users).size).toBe(CLIENTS);
    expect(server.events('refused')).toEqual([]);
  });

  async function step(): Promise<void> {
    if (!clock) return delay(STEP_MS);
    clock.advance(STEP_MS);
    do await turn();
    while (clients.some(({ isConnecting }) => isConnecting));
  }

  async function pass(ms: number): Promise<void> {
    const now = (): number => clock?.now() ?? Date.now();
    for (const end = now() + ms; now() < end;) await step();
  }

  async function passUntil(what: string, holds: () => boolean, withinMs: number): Promise<void> {
    for (let passedMs = 0; !holds(); passedMs += STEP_MS) {
      if (passedMs > withinMs) throw new Error(`passed ${withinMs} ms until ${what}`);
      await step();
    }
  }
});

/** A client that records when it lost the connection, or failed to get one, and when it tried. */
class Reconnecting {
  readonly client: RealtimeClient;
  readonly lostAt: number[] = [];
  readonly #uplink: Uplink;

  constructor(url: string, name: string, clock: Clock | undefined) {
    const now = (): number => clock?.now() ?? Date.now();
    this.#uplink = new Uplink({ now });
    const token = mint(secret, { sub: name, name });
    this.client = new RealtimeClient(`${url}/ws/chat`, { token, WebSocket: webSocketOver(this.#uplink), clock });
    this.client.on('state', ({ status }) => {
      if (status === 'disconnected') this.lostAt.push(now());
    });
    this.client.connect();
  }

  get attempts(): readonly number[] {
    return this.#uplink.attempts;
  }

  /** Forgets how it came to be connected. */
  beginRecord(): void {
    this.#uplink.attempts.length = this.lostAt.length = 0;
  }

  get isConnected(): boolean {
    return this.client.state.status === 'connected';
  }

  get isConnecting(): boolean {
    return this.client.state.status === 'connecting';
  }

  /** It tries, or says when it will. */
  get isComingBack(): boolean {
    const { state } = this.client;
    return this.isConnecting || (state.status === 'disconnected' && state.retryAt !== undefined);
  }
}

/** How many of these moments lie within the 50 ms that hold most of them. */
function fullestBucket(moments: readonly number[]): number {
  const buckets = new Map<number, number>();
  for (const at of moments) buckets.set(Math.floor(at / 50), (buckets.get(Math.floor(at / 50)) ?? 0) + 1);
  return Math.max(...buckets.values());
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
