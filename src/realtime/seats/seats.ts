/** How many connections a user may have, and who yields above that. */
export interface SeatRules {
  readonly most: number;
  /** `reject`: the newcomer. `replace`: the oldest. */
  readonly whenFull: 'reject' | 'replace';
}

/** What became of a wish for a seat. `replaced`: the connections that have lost theirs and are to be closed. */
export type Seating = { readonly granted: false } | { readonly granted: true; readonly replaced: readonly string[] };

/**
 * The connections of each user over all pods, for a limit that holds over all pods. Two that come at once, on whichever
 * pods, never get the same last seat. Seats of a pod that died become free by themselves, some seconds later.
 */
export interface Seats {
  /** @throws BrokerUnavailableError unavailable — trying again is safe. */
  take(userId: string, connectionId: string, rules: SeatRules): Promise<Seating>;

  /** Gives a seat back. Never rejects: a seat that can't be given back becomes free like that of a dead pod. */
  release(userId: string, connectionId: string): Promise<void>;

  /** Called with connections of this pod that have lost their seats, where nobody else may have said so. */
  onReplaced(listener: (userId: string, connections: readonly string[]) => void): void;

  open(): Promise<void>;
  close(): Promise<void>;
}
