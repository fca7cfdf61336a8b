import type { MessageFrame } from '../../protocol/frames.js';
import { parseJson } from '../../protocol/codec.js';
import type { Broker } from '../broker/broker.js';
import type { Presence, PresencePage } from '../presence/presence.js';
import { readHistory } from '../recovery/history-reader.js';
import type { HistoryRequest } from '../recovery/history-reader.js';
import type { Address } from './address.js';
import { serverDedupeKey } from './publisher.js';
import type { Publisher, PublishOptions, PublishResult } from './publisher.js';
import { checkHistory } from './room-kind.js';
import type { RoomKind } from './room-kind.js';

/** What rooms work with. */
export interface RoomParts {
  readonly publisher: Publisher;
  readonly broker: Broker;
  readonly presence: Presence;
  readonly kindOf: (namespace: string) => RoomKind;
  /** Puts a user out of a room, on whichever pod. */
  readonly kick: (at: Address, userId: string, forMs: number) => Promise<void>;
  /** Lets a kicked user come back before the time is over. */
  readonly unban: (at: Address, userId: string) => Promise<void>;
}

/** A part of a room's history. */
export interface RoomHistory {
  /** Ascending by offset. */
  readonly frames: readonly MessageFrame[];
  /** To go on from, in the direction that was asked for. */
  readonly cursor: string;
  /** Nothing more is retained in that direction. */
  readonly complete: boolean;
}

const PRESENCE_PAGE = 100;

/**
 * A room, from anywhere: any service, any pod, members or not. Nothing is opened by it and nothing has to be closed.
 */
export class Room {
  /** What frames call it: `general`. */
  readonly name: string;
  readonly namespace: string;
  /** `namespace/name`: its name in the server API. */
  readonly address: string;

  constructor(
    protected readonly at: Address,
    protected readonly parts: RoomParts,
  ) {
    this.name = at.room;
    this.namespace = at.namespace;
    this.address = at.address;
  }

  /**
   * Sends a frame to every member, on every pod, in one order. Inside a handler, through its own `Room`, the frame
   * carries the sender's identity and id; else neither, unless given. Resolves when the broker has it.
   *
   * @throws RealtimeUsageError bad_usage — see {@link PublishOptions}; nothing was sent.
   * @throws FrameError forbidden — the policy does not let this sender publish here; nothing was sent.
   * @throws BrokerUnavailableError unavailable — it may have been published; trying again with the same id is safe.
   */
  publish(type: string, payload: unknown, options: PublishOptions = {}): Promise<PublishResult> {
    const { id } = options;
    return this.parts.publisher.publish({
      at: this.at,
      type,
      payload,
      id,
      dedupeKey: id === undefined ? undefined : serverDedupeKey(id),
      store: options.store ?? true,
      key: options.key,
      except: options.except,
      as: options.as,
    });
  }

  /** How many users are in the room, over all pods. @throws BrokerUnavailableError unavailable */
  members(): Promise<number> {
    return this.parts.presence.count(this.address);
  }

  /**
   * Who is in the room, over all pods, in the order of the users' ids: at most `limit` (default and most: 100), those
   * after the user `after`.
   *
   * @throws BrokerUnavailableError unavailable
   */
  presence(page: { after?: string; limit?: number } = {}): Promise<PresencePage> {
    const limit = Math.min(PRESENCE_PAGE, Math.max(1, page.limit ?? PRESENCE_PAGE));
    return this.parts.presence.list(this.address, { after: page.after, limit });
  }

  /**
   * Reads stored frames (CL4): the newest, or those after `since`, or those up to `before`. At most 100, default 50.
   *
   * @throws RealtimeUsageError bad_usage — the room is of kind `latest`, which keeps none.
   * @throws FrameError not_found — the cursor is none of this room.
   * @throws FrameError invalid_payload — both cursors, or a limit that is none.
   * @throws BrokerUnavailableError unavailable
   */
  async history(request: HistoryRequest = {}): Promise<RoomHistory> {
    checkHistory(this.at, this.parts.kindOf(this.namespace));
    const { frames, cursor, complete } = await readHistory(this.parts.broker, this.address, request);
    return { frames: frames.map((text) => parseJson(text) as MessageFrame), cursor, complete };
  }

  /**
   * Forgets the stored frames. The numbering goes on.
   *
   * @throws RealtimeUsageError bad_usage — the room is of kind `latest`, which keeps none.
   * @throws BrokerUnavailableError unavailable
   */
  async clearHistory(): Promise<void> {
    checkHistory(this.at, this.parts.kindOf(this.namespace));
    return this.parts.broker.clearHistory(this.address);
  }

  /**
   * Puts a user out of the room, on every pod (CN6): `left` with reason `kicked`, and 4501 where it is the room of the
   * connection's path. Joining again is refused for `forMs`. Default 0: at once possible.
   *
   * @throws BrokerUnavailableError unavailable — not every pod may have heard of it.
   */
  kick(userId: string, options: { forMs?: number } = {}): Promise<void> {
    return this.parts.kick(this.at, userId, options.forMs ?? 0);
  }

  /**
   * Lets a user who was kicked from this room come back before the time is over. A `disconnect` from everything is not
   * ended by it.
   *
   * @throws BrokerUnavailableError unavailable
   */
  unban(userId: string): Promise<void> {
    return this.parts.unban(this.at, userId);
  }
}
