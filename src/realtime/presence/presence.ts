/** A user as presence knows it. */
export interface PresentUser {
  readonly id: string;
  readonly name: string;
}

export interface PresencePage {
  /** Users in the room, over all pods. */
  readonly count: number;
  /** Ascending by the bytes of the id. */
  readonly users: readonly PresentUser[];
  /** Nothing follows. */
  readonly complete: boolean;
}

/** A user who left a room because the pod that held the connection is gone. */
export interface ReapedUser {
  readonly address: string;
  readonly user: PresentUser;
  /** Users that remain. */
  readonly members: number;
}

/**
 * Who is in which room, over all pods. A pod says `enter` when the first of a user's connections on this pod comes
 * into a room, and `exit` when the last one on this pod is gone; the port adds the pods up. What a dead pod held is
 * given free when its lease runs out, and told by {@link onReaped} on exactly one pod.
 */
export interface Presence {
  /** Takes the pod's lease. */
  open(): Promise<void>;

  /** Gives the pod's lease back `graceMs` from now: until then its users may come back elsewhere without having left. */
  close(graceMs: number): Promise<void>;

  /**
   * The user is in the room on this pod. Calling it again changes the name only.
   *
   * @returns `first`: on no pod was the user in the room before; `members`: users there now.
   * @throws BrokerUnavailableError unavailable
   */
  enter(address: string, user: PresentUser): Promise<{ first: boolean; members: number }>;

  /**
   * The user is no longer in the room on this pod. Harmless where it was not.
   *
   * @returns `last`: the user was there by this pod and is on no pod now; `members`: users there now.
   * @throws BrokerUnavailableError unavailable
   */
  exit(address: string, userId: string): Promise<{ last: boolean; members: number }>;

  /** @throws BrokerUnavailableError unavailable */
  count(address: string): Promise<number>;

  /**
   * Lists users in the order of their ids, those after `after` (a user's id), at most `limit`.
   *
   * @throws BrokerUnavailableError unavailable
   */
  list(address: string, page: { after?: string | undefined; limit: number }): Promise<PresencePage>;

  onReaped(listener: (left: ReapedUser) => void): void;
}
