import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NodeCrew } from './crew.js';
import { clientFaults } from './fault-kinds.js';
import type { FaultKind } from './fault-kinds.js';
import { runLedger } from './ledger-run.js';
import { podFaults } from './pod-fault-kinds.js';
import { dataLoss } from './redis-fault-kinds.js';
import type { RedisPlace } from './redis-place.js';
import type { LedgerReport } from './report.js';

export interface ChaosOptions<Redis extends RedisPlace> {
  /** Under which its figures are kept. */
  readonly name: string;
  /** How long things break. */
  readonly durationMs: number;
  readonly redis: (pods: number) => Promise<Redis>;
  readonly faults: Readonly<Record<string, FaultKind<Redis>>>;
  /** Whether Redis loses everything once in a short run; in a long one it does now and then. Default `false`. */
  readonly losesAll?: boolean;
}

/** What is waited for beside the time in which things break: starts, what breaks late, and everybody being back. */
export const CHAOS_MARGIN_MS = 10 * 60_000;

const isDeep = process.env['ROOKERY_DEEP'] === '1';
const PODS = 3;
const CLIENTS = 9;

/** How long things break: so long, and for 10 minutes with `ROOKERY_DEEP=1`. */
export function chaosMs(durationMs: number): number {
  return isDeep ? 10 * 60_000 : durationMs;
}

/**
 * Breaks Redis in its ways, and networks and pods in theirs, all at once. Where `ROOKERY_CHAOS_OUT` names a folder, the
 * figures are left there.
 */
export async function runChaos<Redis extends RedisPlace>(options: ChaosOptions<Redis>): Promise<LedgerReport> {
  const { durationMs } = options;
  const report = await runLedger({
    durationMs,
    pods: PODS,
    redis: options.redis,
    kinds: { ...clientFaults, ...podFaults, ...options.faults, ...(isDeep || options.losesAll ? dataLoss : {}) },
    crews: [{ clients: CLIENTS, open: (_fleet, token) => new NodeCrew(token) }],
    mustBeFelt: false,
  });
  const folder = process.env['ROOKERY_CHAOS_OUT'];
  if (folder) {
    const result = { name: options.name, durationMs, pods: PODS, clients: CLIENTS, ...report };
    writeFileSync(join(folder, `${options.name}.json`), JSON.stringify(result));
  }
  return report;
}
