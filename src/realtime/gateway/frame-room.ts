import { randomUUID } from 'node:crypto';
import { isUuid } from '../../protocol/names.js';
import { isYes } from '../auth/room-policy.js';
import type { RoomPolicy } from '../auth/room-policy.js';
import type { Connection } from '../connection/connection.js';
import { BrokerUnavailableError, FrameError } from '../realtime.errors.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { Address } from '../rooms/address.js';
import { serverDedupeKey, userDedupeKey } from '../rooms/publisher.js';
import type { PublishOptions, PublishResult } from '../rooms/publisher.js';
import { Room } from '../rooms/room.js';
import type { RoomParts } from '../rooms/room.js';
import type { FrameContext } from './frame-context.js';

/** A room as the handler of a frame gets it: what it publishes carries the sender's identity and the frame's id (CL2). */
export class FrameRoom extends Room {
  constructor(
    at: Address,
    parts: RoomParts,
    private readonly frame: FrameContext,
    private readonly connection: Connection,
    private readonly policy: () => RoomPolicy,
    private readonly events: RealtimeEvents,
  ) {
    super(at, parts);
  }

  override publish(type: string, payload: unknown, options: PublishOptions = {}): Promise<PublishResult> {
    const n = this.frame.nextPublish();
    const publish = this.publishAs(n, type, payload, options);
    this.frame.track(publish, n === 1);
    return publish;
  }

  /** Where the policy answers at once, the publish is handed over within the call. */
  private publishAs(n: number, type: string, payload: unknown, options: PublishOptions): Promise<PublishResult> {
    const allowed = this.isAllowed(type);
    return allowed === true
      ? this.handOver(n, type, payload, options)
      : this.publishIfAllowed(allowed, n, type, payload, options);
  }

  private async publishIfAllowed(
    allowed: boolean | Promise<boolean>,
    n: number,
    type: string,
    payload: unknown,
    options: PublishOptions,
  ): Promise<PublishResult> {
    if (!isYes(await allowed)) {
      throw new FrameError('forbidden', 'publishing in this room is not allowed to you');
    }
    return this.handOver(n, type, payload, options);
  }

  private handOver(n: number, type: string, payload: unknown, options: PublishOptions): Promise<PublishResult> {
    const result = this.send(n, type, payload, options);
    this.frame.handedOver();
    return result;
  }

  /** A policy that throws says no, and is logged; that the broker is away is no answer. */
  private isAllowed(type: string): boolean | Promise<boolean> {
    try {
      const allowed = this.policy().mayPublish(this.connection.identity, this, type);
      return typeof allowed === 'boolean' ? allowed : Promise.resolve(allowed).catch((error) => this.refused(error));
    } catch (error) {
      return this.refused(error);
    }
  }

  private async refused(error: unknown): Promise<boolean> {
    if (error instanceof BrokerUnavailableError) throw error;
    this.events.emit('taskFailed', { task: `RoomPolicy.mayPublish of ${this.address}`, error });
    return false;
  }

  private send(n: number, type: string, payload: unknown, options: PublishOptions): Promise<PublishResult> {
    const { identity } = this.connection;
    const { id } = this.frame;
    const user = identity.anonymous ? undefined : identity.id;
    const own = options.id;
    return this.parts.publisher.publish({
      at: this.at,
      type,
      payload,
      id: own ?? (n === 1 ? id : randomUUID()),
      dedupeKey: own === undefined ? id && userDedupeKey(user, id, n) : serverDedupeKey(own),
      store: options.store ?? true,
      key: options.key,
      except: options.except,
      as: options.as ?? { id: identity.id, name: identity.name },
    });
  }
}

/** CL2: anonymous senders share one space of ids, so theirs must not meet by accident. */
export function checkFrameId(id: string | undefined, connection: Connection): void {
  if (id === undefined || !connection.identity.anonymous || isUuid(id)) return;
  throw new FrameError('invalid_payload', 'id: expected a UUID, because anonymous connections share one space of ids');
}
