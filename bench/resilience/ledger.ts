/** What came of a run's messages, of one client or of all. */
export interface LedgerCounts {
  /** Messages that came exactly once or more often. */
  delivered: number;
  lost: number;
  /** Deliveries of a message that had come before. */
  doubled: number;
  /** First deliveries of a message after one with a higher number had come. */
  disordered: number;
}

/** Counts what one client received of the messages 1 to N. */
export class Ledger {
  readonly #seen = new Set<number>();
  #highest = 0;
  #doubled = 0;
  #disordered = 0;

  receive(number: number): void {
    if (this.#seen.has(number)) {
      this.#doubled += 1;
      return;
    }
    this.#seen.add(number);
    if (number < this.#highest) this.#disordered += 1;
    this.#highest = Math.max(this.#highest, number);
  }

  /** Messages that came. */
  get delivered(): number {
    return this.#seen.size;
  }

  /** `published`: how many there were. */
  counts(published: number): LedgerCounts {
    const { delivered } = this;
    return { delivered, lost: published - delivered, doubled: this.#doubled, disordered: this.#disordered };
  }
}

/** Adds counts up. */
export function sumOf(ledgers: readonly Ledger[], published: number): LedgerCounts {
  const sum: LedgerCounts = { delivered: 0, lost: 0, doubled: 0, disordered: 0 };
  for (const ledger of ledgers) {
    const counts = ledger.counts(published);
    sum.delivered += counts.delivered;
    sum.lost += counts.lost;
    sum.doubled += counts.doubled;
    sum.disordered += counts.disordered;
  }
  return sum;
}
