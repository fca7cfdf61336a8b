import type { LedgerEntry } from './entries.js';

interface Epoch {
  readonly epoch: string;
  /** What survived of it into the next one. */
  readonly top: number;
}

/** As many ancestors as a room remembers: beyond them nothing is known. */
const MAX_ANCESTORS = 16;

/** What Redis kept of a room's numbering from epoch to epoch, as it was seen while it ran. */
export class Survival {
  /** Each newest first. */
  readonly #lines: Epoch[][] = [];
  /** By epoch: up to where it has what was before it, and after which entry it was found. */
  readonly #begun = new Map<string, { readonly base: number; readonly index: number }>();

  /** `entries`: of one room. */
  constructor(entries: readonly LedgerEntry[]) {
    for (const [index, entry] of entries.entries()) {
      if (entry.kind !== 'numbered') continue;
      const line = [{ epoch: entry.epoch, top: Infinity }, ...entry.ancestors];
      // What nobody saw before the first look is no loss.
      const untold = this.#lines.length === 0 || entry.ancestors.length >= MAX_ANCESTORS ? Infinity : 0;
      for (const [nth, { epoch }] of line.entries()) {
        if (!this.#begun.has(epoch)) this.#begun.set(epoch, { base: line[nth + 1]?.top ?? untold, index });
      }
      this.#lines.push(line);
    }
  }

  /** Whether an epoch that lacks this offset was found after this entry. */
  mayBeLost(offset: number, after: number): boolean {
    return [...this.#begun.values()].some(({ base, index }) => index > after && base < offset);
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
