import { randomUUID } from 'node:crypto';
import { encodeFrame } from '../../protocol/codec.js';
import { isFrameId, reservedTypes } from '../../protocol/names.js';
import type { Broker, PublishResult as BrokerResult } from '../broker/broker.js';
import type { Clock } from '../clock.js';
import { RealtimeUsageError } from '../realtime.errors.js';
import type { PublishTimes } from '../traffic.js';
import type { Address } from './address.js';
import { checkKind } from './room-kind.js';
import type { RoomKind } from './room-kind.js';

/** How a frame is published. */
export interface PublishOptions {
  /**
   * Makes the publish idempotent: the same id in the same room within `dedupeTtlMs` is published once (CL2). 1–64
   * characters. Default: a fresh UUID.
   */
  readonly id?: string;
  /** `false`: no offset, not in history, may be lost (OR2). Default `true`; always `false` on `text` gateways. */
  readonly store?: boolean;
  /**
   * Under which key a room of kind `latest` keeps the frame, in place of the one before (OR4): 1–128 characters, no
   * control characters. It must be there in such rooms, and nowhere else. It is not in the frame: what members need to
   * know of it stands in the payload.
   */
  readonly key?: string;
  /** Id of a connection that shall not get the frame. Only with `store: false`. */
  readonly except?: string;
  /** In whose name. Default: in nobody's, or in that of the frame that is being handled. */
  readonly as?: { readonly id: string; readonly name: string };
}

/** What became of a publish. The broker has it. */
export class PublishResult implements BrokerResult {
  /** `undefined`: the frame is not stored, or kept under a key. Of a duplicate: that of the first. */
  readonly offset: number | undefined;
  readonly epoch: string;
  /** The id was known: nothing was published. */
  readonly duplicate: boolean;

  constructor(result: BrokerResult) {
    this.offset = result.offset;
    this.epoch = result.epoch;
    this.duplicate = result.duplicate;
  }
}

/** A publish with everything decided. */
export interface PublishRequest {
  readonly at: Address;
  readonly type: string;
  readonly payload: unknown;
  readonly id: string | undefined;
  readonly dedupeKey: string | undefined;
  readonly store: boolean;
  readonly key: string | undefined;
  readonly except: string | undefined;
  readonly as: { readonly id: string; readonly name: string } | undefined;
}

/** The dedupe key of the server's own publishes: those of no user (CL2). */
export function serverDedupeKey(id: string): string {
  return `0::1:${id}`;
}

/**
 * The dedupe key of the n-th publish into a room that a user's frame caused (CL2). No two users share one; anonymous
 * connections (`undefined`) count as one user.
 */
export function userDedupeKey(user: string | undefined, id: string, n: number): string {
  return user === undefined ? `anonymous:${n}:${id}` : `${user.length}:${user}:${n}:${id}`;
}

/** Encodes frames and hands them to the broker. */
export class Publisher {
  /** The newest timestamp and its text: many frames share a millisecond. */
  private stampedAt = Number.NaN;
  private stamp = '';

  constructor(
    private readonly broker: Broker,
    private readonly clock: Clock,
    private readonly kindOf: (namespace: string) => RoomKind,
    private readonly times: PublishTimes,
  ) {}

  /**
   * Publishes one frame. Handed to the broker within the call: two calls, not awaited, are stored in their order.
   *
   * @throws RealtimeUsageError bad_usage — the type is reserved, the id is none, `except` stands with a stored frame, the
   *   payload can't be JSON, or the kind of the room asks for a key or for none. Nothing was sent.
   * @throws BrokerUnavailableError unavailable — it may have been published; trying again with the same id is safe.
   */
  async publish(request: PublishRequest): Promise<PublishResult> {
    const { at, dedupeKey, except, key } = request;
    check(request);
    const kind = this.kindOf(at.namespace);
    checkKind(request, kind);
    const plain = kind === 'nothing';
    const payload = plain ? plainBytes(request.payload) : this.encode(request);
    const store = request.store && !plain;
    if (store && except !== undefined) {
      throw new RealtimeUsageError('"except" needs store: false: a stored frame belongs to every member (FR6)');
    }
    const startedAt = performance.now();
    try {
      const result = await this.broker.publish(at.address, payload, { store, dedupeKey, except, key });
      this.times.taken(startedAt);
      return new PublishResult(result);
    } catch (error) {
      this.times.failed += 1;
      throw error;
    }
  }

  private encode({ at, type, payload, id, as }: PublishRequest): Buffer {
    const timestamp = this.timestamp();
    const header = { type, room: at.room, id: id ?? randomUUID(), user: as?.name, userId: as?.id, timestamp };
    try {
      return Buffer.from(encodeFrame(header, payload));
    } catch (cause) {
      throw new RealtimeUsageError(`the payload of "${type}" can't be JSON: take out what has no JSON form`, { cause });
    }
  }

  private timestamp(): string {
    const now = this.clock.now();
    if (now !== this.stampedAt) {
      this.stamp = new Date(now).toISOString();
      this.stampedAt = now;
    }
    return this.stamp;
  }
}

function check({ type, id }: PublishRequest): void {
  if (type === '' || reservedTypes.has(type)) {
    throw new RealtimeUsageError(`the type "${type}" belongs to the protocol: publish under another name (CL1)`);
  }
  if (id !== undefined && !isFrameId(id)) {
    throw new RealtimeUsageError('expected an id of 1 to 64 characters');
  }
}

function plainBytes(payload: unknown): Buffer {
  if (Buffer.isBuffer(payload)) return payload;
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload ?? ''));
}
