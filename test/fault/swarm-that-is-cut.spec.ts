import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { rookerySystem } from '../../bench/resilience/rookery-system.js';
import { runSwarm } from '../../bench/resilience/swarm.js';
import type { SwarmPlan } from '../../bench/resilience/swarm.js';
import { ServerProcess } from '../support/server-process.js';

/** AnyCable's public scenario; in CI a small one, whose clients are cut more often. */
const plan: SwarmPlan =
  process.env['ROOKERY_DEEP'] === '1'
    ? { ...rates(), clients: 1_000, durationMs: 60_000, cutEveryMs: 15_000, awayMs: 2_000 }
    : { ...rates(), clients: 100, durationMs: 8_000, cutEveryMs: 4_000, awayMs: 500 };

const secret = randomBytes(32).toString('base64url');

jest.setTimeout(180_000);

let server: ServerProcess | undefined;

afterEach(() => server?.stop());

describe('a swarm whose TCP connections are cut again and again', () => {
  it('gets every message, once and in order, and is told of no gap', async () => {
    server = await ServerProcess.start({ JWT_SECRET: secret });
    const report = await runSwarm(rookerySystem({ ports: [server.port], secret }), plan);
    expect(report).toMatchObject({ delivered: report.expected, lost: 0, doubled: 0, disordered: 0, unrecovered: 0 });
    expect(report.expected).toBe((plan.clients * plan.durationMs * plan.messagesPerSecond) / 1_000);
    // That something was put to the test: connections were cut, and messages missed.
    expect(report.cuts).toBeGreaterThan(plan.clients);
    expect(report.recovered).toBeGreaterThan(plan.clients);
    expect(report.replayed.count).toBeGreaterThanOrEqual(report.cuts);
  });
});

function rates(): Pick<SwarmPlan, 'connectsPerSecond' | 'messagesPerSecond' | 'settleMs'> {
  return { connectsPerSecond: 250, messagesPerSecond: 2, settleMs: 60_000 };
}
