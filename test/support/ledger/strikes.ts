import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../within.js';
import type { FaultKind, LedgerWorld } from './fault-kinds.js';
import type { FaultLog } from './fault-log.js';
import type { Ledger } from './ledger.js';
import type { PlannedFault } from './schedule.js';

/** What a plan is carried out with. */
export interface StrikesOptions {
  readonly kinds: Readonly<Record<string, FaultKind>>;
  readonly durationMs: number;
  readonly ledger: Ledger;
  readonly faults: FaultLog;
}

/** How long a patient fault waits for its client. */
const PATIENCE_MS = 3_000;

/**
 * Breaks everything as it is planned. What has to wait for its turn until the time is over comes only if nothing of its kind
 * has come. Resolves when the time is over and everything is whole again; rejects as soon as
 * something can't be broken, or mended, as it should.
 */
export async function strikeAll(
  world: LedgerWorld,
  plan: readonly PlannedFault[],
  options: StrikesOptions,
): Promise<void> {
  const startedAt = Date.now();
  const strikes: Promise<void>[] = [];
  const isFree = { client: Promise.resolve(), pod: Promise.resolve(), redis: Promise.resolve() };
  let fail!: (error: unknown) => void;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined); // Whoever waits for a moment is told.
  const moment = (atMs: number): Promise<void> =>
    Promise.race([pause(Math.max(0, startedAt + atMs - Date.now())), failed]);
  for (const planned of plan) {
    await moment(planned.atMs);
    const { hits, takesTurns = hits === 'redis' } = kindOf(planned, options);
    const mayStrike = async (): Promise<void> => {
      const isLate = Date.now() > startedAt + options.durationMs;
      if (!isLate || !options.faults.counts[planned.kind]) await strikeOnce(world, planned, options);
    };
    const strike = takesTurns ? isFree[hits].then(mayStrike) : strikeOnce(world, planned, options);
    if (takesTurns) isFree[hits] = strike;
    strike.catch(fail);
    strikes.push(strike);
  }
  await moment(options.durationMs);
  await Promise.all(strikes);
}

async function strikeOnce(world: LedgerWorld, planned: PlannedFault, options: StrikesOptions): Promise<void> {
  const { target, lastsMs } = planned;
  const { ledger, faults } = options;
  const fault = kindOf(planned, options);
  const network = fault.patient ? world.networks[target] : undefined;
  if (network) {
    const connected = until('', () => ledger.isConnected(network.client), PATIENCE_MS);
    await connected.catch(() => undefined); // It strikes all the same; the log of faults knows that nobody was there.
  }
  let mended = (): void => undefined;
  const hit = (...clients: string[]): void => void (mended = faults.strikes(planned, clients, fault.feltAs));
  await fault.strike(world, { target, lastsMs, hit });
  if (fault.hits === 'redis') await world.redis.whole();
  mended();
}

function kindOf({ kind }: PlannedFault, { kinds }: StrikesOptions): FaultKind {
  const fault = kinds[kind];
  if (!fault) throw new RangeError(`expected a kind of ${Object.keys(kinds).join(', ')}, got ${kind}`);
  return fault;
}
