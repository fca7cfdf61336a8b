import { SeededRandom } from '../seeded-random.js';

/** How often something breaks, and for how long. */
export interface FaultRhythm {
  readonly hits: 'client' | 'pod' | 'redis';
  /** One of this kind comes in each stretch of this length, wherever it hits; in a shorter run, one in all. */
  readonly everyMs: number;
  /** Shortest and longest duration. */
  readonly lastsMs: readonly [number, number];
}

/** Something that will break. */
export interface PlannedFault {
  /** From the start of the run. */
  readonly atMs: number;
  readonly kind: string;
  /** Which client, pod or master of Redis, from 0. */
  readonly target: number;
  readonly lastsMs: number;
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly kinds: Readonly<Record<string, FaultRhythm>>;
  readonly clients: number;
  readonly pods: number;
  /** Masters of Redis. Default 1. */
  readonly masters?: number;
}

/** Longest time for which whoever was hit is left alone: some come back in it, others are hit again on their way. */
const REST_MS = 2_000;

/**
 * Plans everything that breaks in a run, in the order in which it does: the same options, the same plan. Each kind is
 * spread over the whole run and over its targets; nobody is hit while an earlier fault lasts, unless everybody is.
 */
export function planFaults(options: ScheduleOptions): PlannedFault[] {
  const random = new SeededRandom(options.seed);
  const busyUntil = { client: idle(options.clients), pod: idle(options.pods), redis: idle(options.masters ?? 1) };
  return momentsOf(options, random).map(({ atMs, kind, rhythm, lastsMs }) => {
    const busy = busyUntil[rhythm.hits];
    const free = busy.flatMap((untilMs, target) => (untilMs <= atMs ? [target] : []));
    const target = free.length > 0 ? random.pick(free) : busy.indexOf(Math.min(...busy));
    busy[target] = atMs + lastsMs + random.below(REST_MS);
    return { atMs, kind, target, lastsMs };
  });
}

/** Writes a plan down in lines that a person can follow. */
export function describePlan(plan: readonly PlannedFault[], kinds: ScheduleOptions['kinds']): string {
  return plan
    .map(({ atMs, kind, target, lastsMs }) => {
      const lasting = lastsMs > 0 ? ` for ${lastsMs} ms` : '';
      return `${String(atMs).padStart(7)} ms  ${kind} of ${kinds[kind]?.hits} ${target}${lasting}`;
    })
    .join('\n');
}

function momentsOf({ kinds, durationMs }: ScheduleOptions, random: SeededRandom) {
  const moments = Object.entries(kinds).flatMap(([kind, rhythm]) => {
    const count = Math.max(1, Math.floor(durationMs / rhythm.everyMs));
    return Array.from({ length: count }, (_, nth) => {
      const lastsMs = random.between(...rhythm.lastsMs);
      const stretchMs = durationMs / count;
      return { atMs: Math.floor((nth + random.next()) * stretchMs), kind, rhythm, lastsMs };
    });
  });
  return moments.sort((one, other) => one.atMs - other.atMs);
}

function idle(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}
