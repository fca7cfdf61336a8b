import type { LedgerEntry } from './entries.js';

interface Epoch {
  readonly epoch: string;
  /** What survived of it into the next one. */
  readonly top: number;
}

/** What Redis kept of a room's numbering from epoch to epoch, as it was seen while it ran. */
export class Survival {
  /** Each newest first. */
  readonly #lines: Epoch[][] = [];

  /** `entries`: of one room. */
  constructor(entries: readonly LedgerEntry[]) {
    for (const entry of entries) {
      if (entry.kind === 'numbered') this.#lines.push([{ epoch: entry.epoch, top: Infinity }, ...entry.ancestors]);
    }
  }

  /** The highest offset of an epoch that is still what it was in a later one; `undefined`: they are not known together. */
  highest(epoch: string, later: string): number | undefined {
    if (epoch === later) return Infinity;
    for (const line of this.#lines) {
      const [from, to] = [later, epoch].map((name) => line.findIndex((one) => one.epoch === name)) as [number, number];
      if (from >= 0 && to > from) return Math.min(...line.slice(from + 1, to + 1).map(({ top }) => top));
    }
    return undefined;
  }
}
