import type { Ledger } from './ledger.js';
import type { PlannedFault } from './schedule.js';

/** How often faults of one kind came, and how often one hit a client that was connected, and was felt as such. */
export interface FaultCount {
  struck: number;
  hits: number;
  felt: number;
}

/** Counts what the faults did: a fault that no client felt proves nothing. */
export class FaultLog {
  /** What broke, with the moment in which it did, and how long it was until it was whole again. */
  readonly struck: PlannedFault[] = [];
  readonly #startedAt = Date.now();
  readonly #counts = new Map<string, FaultCount>();
  /** By client: what hit it since it was connected. */
  readonly #hits = new Map<string, { readonly count: FaultCount; readonly felt: readonly number[] }[]>();

  constructor(private readonly ledger: Ledger) {
    ledger.listen((entry) => {
      if (entry.kind !== 'disconnected') return;
      for (const { count, felt } of this.#hits.get(entry.client) ?? []) {
        if (felt.includes(entry.code)) count.felt += 1;
      }
      this.#hits.delete(entry.client);
    });
  }

  /**
   * A fault hits these clients now; those that are connected feel it if their next close has one of the codes.
   *
   * @returns to be called when it is whole again
   */
  strikes({ kind, target }: PlannedFault, clients: readonly string[], felt: readonly number[]): () => void {
    const atMs = Date.now() - this.#startedAt;
    const nth = this.struck.push({ atMs, kind, target, lastsMs: 0 }) - 1;
    this.#count(kind, clients, felt);
    return () => (this.struck[nth] = { atMs, kind, target, lastsMs: Date.now() - this.#startedAt - atMs });
  }

  get counts(): Readonly<Record<string, FaultCount>> {
    return Object.fromEntries(this.#counts);
  }

  #count(kind: string, clients: readonly string[], felt: readonly number[]): void {
    const count = this.#counts.get(kind) ?? { struck: 0, hits: 0, felt: 0 };
    this.#counts.set(kind, count);
    count.struck += 1;
    for (const client of clients) {
      if (!this.ledger.isConnected(client)) continue;
      count.hits += 1;
      this.#hits.set(client, [...(this.#hits.get(client) ?? []), { count, felt }]);
    }
  }
}
