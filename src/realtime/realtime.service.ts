import { Injectable } from '@nestjs/common';
import { EVERYWHERE } from './bans/bans.js';
import { everybodyIn, isNamespace, parseAddress, userAddress } from './rooms/address.js';
import type { PublishOptions, PublishResult } from './rooms/publisher.js';
import type { RemoteControl } from './rooms/remote-control.js';
import { Room } from './rooms/room.js';
import type { RoomParts } from './rooms/room.js';
import { RealtimeUsageError } from './realtime.errors.js';

/** All connections of one user, on whichever pod. */
export interface UserHandle {
  /**
   * Sends a frame to the user's own room, `@me`: stored and recovered like any room's (FR7). Reaches connections of
   * gateways with `userRoom: true`.
   *
   * @throws BrokerUnavailableError unavailable
   */
  publish(type: string, payload: unknown, options?: PublishOptions): Promise<PublishResult>;
  /**
   * Closes every connection of the user with 4501 (CN6), and refuses new ones for `forMs`. Default 0.
   *
   * @throws BrokerUnavailableError unavailable
   */
  disconnect(options?: { forMs?: number }): Promise<void>;
  /**
   * Lets a user who was disconnected come back before the time is over. Bans from single rooms stay.
   *
   * @throws BrokerUnavailableError unavailable
   */
  unban(): Promise<void>;
}

/** All connections of one namespace, on whichever pod. */
export interface NamespaceHandle {
  /**
   * Sends a frame to every connection of the namespace, in rooms or not. Not stored: who is away misses it.
   *
   * @throws BrokerUnavailableError unavailable
   */
  publish(type: string, payload: unknown, options?: Omit<PublishOptions, 'store' | 'key'>): Promise<PublishResult>;
}

/**
 * The server side of rooms, for any service on any pod, also in a process that has no gateway. The types are the
 * protocol's; what is published reaches the members in one order.
 */
@Injectable()
export class Realtime {
  constructor(
    private readonly parts: RoomParts,
    private readonly control: RemoteControl,
  ) {}

  /**
   * A room by its address, `namespace/room`.
   *
   * @throws RealtimeUsageError bad_usage — it is no address.
   */
  to(address: string): Room {
    return new Room(parseAddress(address), this.parts);
  }

  /** A user by the id that the handshake proved. */
  user(userId: string): UserHandle {
    const room = new Room(userAddress(userId), this.parts);
    return {
      publish: (type, payload, options) => room.publish(type, payload, options),
      disconnect: (options = {}) => this.control.disconnect(userId, options.forMs ?? 0),
      unban: () => this.control.unban(EVERYWHERE, userId),
    };
  }

  /**
   * A namespace by its name.
   *
   * @throws RealtimeUsageError bad_usage — it can't be the name of a namespace.
   */
  namespace(name: string): NamespaceHandle {
    if (!isNamespace(name))
      throw new RealtimeUsageError(`expected the name of a namespace, got ${JSON.stringify(name)}`);
    const room = new Room(everybodyIn(name), this.parts);
    return {
      publish: (type, payload, options = {}) => room.publish(type, payload, { ...options, store: false }),
    };
  }
}
