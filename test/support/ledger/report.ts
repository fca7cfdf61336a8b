import type { LedgerEntry } from './entries.js';
import type { FaultKind } from './fault-kinds.js';
import type { FaultCount } from './fault-log.js';
import { figuresOf } from './figures.js';
import type { LedgerFigures } from './figures.js';

/** What came out of a run. */
export interface LedgerReport {
  readonly seed: number;
  /** What is wrong, a sentence each. */
  readonly problems: readonly string[];
  /** What has to happen in a run for it to prove anything, and did not. */
  readonly unproven: readonly string[];
  readonly figures: LedgerFigures;
  /** Everything counted, for people. */
  readonly line: string;
}

/** What a run was. */
export interface LedgerRun {
  readonly seed: number;
  readonly kinds: Readonly<Record<string, FaultKind>>;
  readonly faults: Readonly<Record<string, FaultCount>>;
  readonly entries: readonly LedgerEntry[];
}

/** What must have been counted at least once. */
const needed: readonly (keyof LedgerFigures)[] = [
  'acknowledged',
  'deliveries',
  'recoveredJoins',
  'replayed',
  'resends',
  'resendsOfStored',
  'refreshes',
];
const TOKEN_EXPIRED = 4001;

/** Sums a run up. */
export function reportOf({ seed, kinds, faults, entries }: LedgerRun, problems: readonly string[]): LedgerReport {
  const figures = figuresOf(entries);
  const unproven = [
    ...Object.keys(kinds)
      .filter((kind) => !faults[kind]?.felt)
      .map((kind) => `no client felt ${kind}`),
    ...needed.filter((name) => figures[name] === 0).map((name) => `no ${name}`),
    ...(figures.cuts[TOKEN_EXPIRED] ? [] : ['no token expired']),
  ];
  return { seed, problems, unproven, figures, line: lineOf(seed, faults, figures) };
}

function lineOf(seed: number, faults: LedgerRun['faults'], figures: LedgerFigures): string {
  const struck = Object.entries(faults).map(
    ([kind, { struck: all, hits, felt }]) => `${kind} ${all} (${felt}/${hits})`,
  );
  const listed = (counts: object): string =>
    Object.entries(counts)
      .map(([code, count]) => `${code} ${count}x`)
      .join(', ') || 'none';
  return [
    `seed ${seed}`,
    `faults (felt by / hit connected clients): ${struck.join(', ')}`,
    `cuts: ${listed(figures.cuts)}`,
    `acknowledged ${figures.acknowledged}, deliveries ${figures.deliveries}`,
    `recovered joins ${figures.recoveredJoins} with at least ${figures.replayed} frames`,
    `resends ${figures.resends}, of stored frames ${figures.resendsOfStored}`,
    `refusals: ${listed(figures.refusals)}`,
    `refreshes ${figures.refreshes}`,
  ].join(' · ');
}
