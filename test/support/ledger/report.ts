import type { LedgerEntry } from './entries.js';
import type { FaultKind } from './fault-kinds.js';
import type { FaultCount } from './fault-log.js';
import { figuresOf } from './figures.js';
import type { LedgerFigures } from './figures.js';
import type { StoredRooms } from './numbering.js';

/** What came out of a run. */
export interface LedgerReport {
  readonly seed: number;
  /** What is wrong, a sentence each. */
  readonly problems: readonly string[];
  /** What has to happen in a run for it to prove anything, and did not. */
  readonly unproven: readonly string[];
  readonly figures: LedgerFigures;
  /** How often faults of each kind came. */
  readonly faults: Readonly<Record<string, number>>;
  /** Everything counted, for people. */
  readonly line: string;
}

/** What a run was. */
export interface LedgerRun {
  readonly seed: number;
  readonly kinds: Readonly<Record<string, FaultKind>>;
  readonly faults: Readonly<Record<string, FaultCount>>;
  readonly entries: readonly LedgerEntry[];
  readonly rooms: StoredRooms;
  /** Whether each kind of fault that clients can feel must have been felt. Otherwise it is enough that it came. */
  readonly mustBeFelt: boolean;
  /** How long things were broken. */
  readonly durationMs: number;
}

/** What must have been counted at least once. */
const needed: readonly (keyof LedgerFigures)[] = [
  'acknowledged',
  'deliveries',
  'recoveredJoins',
  'replayed',
  'resends',
];
/** What a run of this length and more surely has; in a shorter one chance decides. */
const LONG_MS = 60_000;
const neededInLongRuns: typeof needed = ['resendsOfStored', 'refreshes'];
const TOKEN_EXPIRED = 4001;
/** One fault of the product makes hundreds of them. */
const MOST_PROBLEMS = 40;

/** Sums a run up. */
export function reportOf(run: LedgerRun, problems: readonly string[]): LedgerReport {
  const { seed, kinds, faults, entries, rooms, mustBeFelt } = run;
  const isLong = run.durationMs >= LONG_MS;
  const figures = figuresOf(entries, rooms);
  const unproven = [
    ...Object.entries(kinds).flatMap(([kind, { feltAs }]) =>
      unprovenOf(kind, mustBeFelt && feltAs.length > 0, faults[kind]),
    ),
    ...[...needed, ...(isLong ? neededInLongRuns : [])]
      .filter((name) => figures[name] === 0)
      .map((name) => `no ${name}`),
    ...(figures.cuts[TOKEN_EXPIRED] || !isLong ? [] : ['no token expired']),
  ];
  const struck = Object.fromEntries(Object.entries(faults).map(([kind, count]) => [kind, count.struck]));
  const more = problems.length - MOST_PROBLEMS;
  const told = more > 0 ? [...problems.slice(0, MOST_PROBLEMS), `and ${more} more`] : problems;
  return { seed, problems: told, unproven, figures, faults: struck, line: lineOf(seed, faults, figures) };
}

function unprovenOf(kind: string, isFelt: boolean, count: FaultCount | undefined): string[] {
  if (isFelt) return count?.felt ? [] : [`no client felt ${kind}`];
  return count?.struck ? [] : [`${kind} never came`];
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
    `epochs ${figures.epochs}, gaps ${figures.gaps}, acknowledged and lost ${figures.lost}, untold ${figures.untold}`,
    `acknowledged ${figures.acknowledged}, deliveries ${figures.deliveries}`,
    `recovered joins ${figures.recoveredJoins} with at least ${figures.replayed} frames`,
    `resends ${figures.resends}, of stored frames ${figures.resendsOfStored}`,
    `refusals: ${listed(figures.refusals)}`,
    `refreshes ${figures.refreshes}`,
  ].join(' · ');
}
