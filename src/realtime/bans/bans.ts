/**
 * Who may not come back for a while: after a kick from a room (scope: its address) or a disconnect (scope: `*`).
 * Known to every pod from the moment the call resolves.
 */
export interface Bans {
  /** @throws BrokerUnavailableError unavailable */
  ban(scope: string, userId: string, forMs: number): Promise<void>;

  /**
   * Ends a ban before its time, for every pod. Harmless where there is none.
   *
   * @throws BrokerUnavailableError unavailable
   */
  unban(scope: string, userId: string): Promise<void>;

  /**
   * Milliseconds that the longest ban of these scopes still lasts; 0: none.
   *
   * @throws BrokerUnavailableError unavailable
   */
  remainingMs(scopes: readonly string[], userId: string): Promise<number>;
}

/** The scope of a ban from everything. */
export const EVERYWHERE = '*';
