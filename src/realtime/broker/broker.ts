/** A position in a room's numbering, and what is still there to be read. */
export interface Position {
  /** The present epoch. */
  readonly epoch: string;
  /** The highest offset given out; 0 before the first stored frame. */
  readonly top: number;
  /** The lowest offset that is still retained; `top + 1` where nothing is. */
  readonly oldest: number;
  /** Epochs before the present one, newest first, at most 16. */
  readonly ancestors: readonly Ancestor[];
}

/** An epoch that ended, and the highest of its offsets that survived into the next one. */
export interface Ancestor {
  readonly epoch: string;
  readonly top: number;
}

/** What comes out of a subscription. */
export interface BrokerMessage {
  readonly payload: Buffer;
  readonly epoch: string;
  /** 0: not stored. Of a message with a key: its version. */
  readonly offset: number;
  /** The id of the connection that shall not get it; only on messages that are not stored. */
  readonly except: string | undefined;
  /** It replaces what was published under this key before. */
  readonly key?: string;
}

/** A frame in history. */
export interface StoredMessage {
  readonly offset: number;
  readonly payload: Buffer;
}

/**
 * The newest message of a key. Its offset is the version of the room at its publish: versions say what is newer, and
 * are shown to nobody.
 */
export interface LatestMessage extends StoredMessage {
  readonly key: string;
}

export interface PublishOptions {
  /** `false`: no offset, no history; whoever is not subscribed at this moment never sees it (OR2). */
  readonly store: boolean;
  /**
   * Keeps the message as the newest one of this key, in place of the one before and without a history (OR4). 1–128
   * characters without control characters. Needs `store`.
   */
  readonly key?: string | undefined;
  /**
   * The same key in the same room within `dedupeTtlMs` is published once. The key of a client's frame is made of its
   * user's id and the frame's id.
   */
  readonly dedupeKey?: string | undefined;
  /** A connection that shall not get the message. Ignored where the message is stored. */
  readonly except?: string | undefined;
}

export interface PublishResult {
  /** `undefined`: not stored, or under a key. Of a duplicate: that of the first. */
  readonly offset: number | undefined;
  /** Of a duplicate: that of the first. */
  readonly epoch: string;
  /** The key was known: nothing was published. */
  readonly duplicate: boolean;
}

/** Which part of a room's history to read. At most one of `since` and `before`; neither: the newest frames. */
export interface HistoryRange {
  /** Frames with an offset above this one, from the lowest that is retained. */
  readonly since?: number;
  /** Frames with this offset and below, the highest of them. */
  readonly before?: number;
  /** At most this many frames. */
  readonly limit: number;
  /** At most this many bytes of payload; one frame is given even when it alone is larger. */
  readonly maxBytes: number;
}

export interface HistoryPage {
  /** Read in the same instant as the frames. */
  readonly position: Position;
  /** Ascending, without a hole. */
  readonly frames: readonly StoredMessage[];
}

/** Which of a room's newest messages to read. */
export interface LatestRange {
  /** Those whose version is above this one. */
  readonly since: number;
  /** As in {@link HistoryRange}. */
  readonly limit: number;
  readonly maxBytes: number;
}

export interface LatestPage {
  /** Read in the same instant as the frames. `oldest` is the lowest version that is kept. */
  readonly position: Position;
  /** One per key, ascending by version. */
  readonly frames: readonly LatestMessage[];
}

export type MessageListener = (message: BrokerMessage) => void;
export type SignalListener = (payload: Buffer) => void;
export type AvailabilityListener = (available: boolean) => void;

/**
 * Carries the messages of rooms between pods, numbers and keeps them. An address is a room's whole name
 * (`chat/general`); payloads are opaque.
 *
 * Order: offsets of one address are given out without a hole, and a subscription delivers them in ascending order.
 * Delivery: at most once per subscription. A subscription that was cut may miss messages: {@link onInterrupted} says
 * so where it is noticed, the offsets prove it where it is not, {@link history} has what was missed.
 * The publisher's own pod gets its message through its subscription like any other, never within the call of
 * {@link publish}.
 * Concurrency: publishes of one address that are called one after the other, without awaiting, are stored in that order.
 */
export interface Broker {
  /** Connects. Resolves when the first publish may be tried; throws where the other side can't serve Rookery at all. */
  open(): Promise<void>;

  /** Ends all subscriptions and connections. Publishes under way are settled first. */
  close(): Promise<void>;

  /**
   * Numbers, keeps and delivers one message, all of it or nothing.
   *
   * @throws BrokerUnavailableError unavailable — the message may have been published all the same, so try again only
   *   with a `dedupeKey`.
   */
  publish(address: string, payload: Buffer, options: PublishOptions): Promise<PublishResult>;

  /**
   * From the moment it resolves, every message of the address reaches the listener. One listener per address, the last
   * one; the caller counts its readers. Called again, it makes sure that the address is subscribed: the other side may
   * have lost it without a word.
   *
   * @throws BrokerUnavailableError unavailable — not subscribed.
   */
  subscribe(address: string, listener: MessageListener): Promise<void>;

  /** Ends the subscription of an address. Never throws; a message may still come until it resolves. */
  unsubscribe(address: string): Promise<void>;

  /**
   * Reads frames, and the position that they belong to. A room that never was gets an epoch by this.
   *
   * @throws BrokerUnavailableError unavailable
   */
  history(address: string, range: HistoryRange): Promise<HistoryPage>;

  /**
   * Reads the positions of many rooms at once, in the order of the addresses.
   *
   * @throws BrokerUnavailableError unavailable
   */
  positions(addresses: readonly string[]): Promise<Position[]>;

  /**
   * Reads the newest message of each key of a room, and the position that they belong to (OR4). A room keeps 1,000 keys;
   * above that the one that was published the longest ago goes. What is published with keys and what is published
   * without them knows nothing of each other: they have a numbering each.
   *
   * @throws BrokerUnavailableError unavailable
   */
  latest(address: string, range: LatestRange): Promise<LatestPage>;

  /**
   * As {@link positions}, for rooms that are published into with keys. They have no ancestors.
   *
   * @throws BrokerUnavailableError unavailable
   */
  latestPositions(addresses: readonly string[]): Promise<Position[]>;

  /**
   * Forgets the frames of a room. Its numbering goes on.
   *
   * @throws BrokerUnavailableError unavailable
   */
  clearHistory(address: string): Promise<void>;

  /**
   * Tells every pod, this one included, something that is no room's message. At most once, no order, not kept.
   *
   * @throws BrokerUnavailableError unavailable
   */
  signal(payload: Buffer): Promise<void>;

  /** Whether the broker answers, as far as is known now. */
  readonly available: boolean;

  /**
   * Asks the other side. Resolves when it answered within `timeoutMs`, and what is published reaches this pod; rejects
   * otherwise.
   */
  ping(timeoutMs: number): Promise<void>;

  onSignal(listener: SignalListener): void;

  /** Called when {@link available} changes between {@link open} and {@link close}, not by them. */
  onAvailability(listener: AvailabilityListener): void;

  /** Called with the addresses whose subscription was interrupted and is there again: read what was missed. */
  onInterrupted(listener: (addresses: readonly string[]) => void): void;
}
