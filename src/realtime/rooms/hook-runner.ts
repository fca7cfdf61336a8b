import { CloseCode } from '../../protocol/close-codes.js';
import type { Connection } from '../connection/connection.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { Address } from './address.js';
import type { RoomHooks } from './room-hooks.js';
import type { Room } from './room.js';

export interface HookRunnerParts {
  readonly events: RealtimeEvents;
  readonly roomAt: (at: Address) => Room;
}

/** Runs a gateway's hooks. An exception in one is told, and goes no further. */
export class HookRunner {
  constructor(private readonly parts: HookRunnerParts) {}

  /** @param first The connection is the first in the room on this pod. @returns whether it may come in. */
  async joined(connection: Connection, at: Address, hooks: RoomHooks, first: boolean): Promise<boolean> {
    const room = this.parts.roomAt(at);
    if (first && !(await this.run(connection, hooks, 'onRoomOpen', () => hooks.onRoomOpen?.(room)))) return false;
    return this.run(connection, hooks, 'onJoin', () => hooks.onJoin?.(room, connection));
  }

  /** A connection that had come in is out of the room. */
  async left(connection: Connection, at: Address, hooks: RoomHooks, reason: string): Promise<void> {
    const room = this.parts.roomAt(at);
    const told = await this.run(connection, hooks, 'onLeave', () => hooks.onLeave?.(room, connection, reason));
    if (!told) connection.close(CloseCode.internal, 'internal'); // No frame is left to answer with it.
  }

  /** The room has no connection on this pod any more. */
  async closed(connection: Connection, at: Address, hooks: RoomHooks): Promise<void> {
    await this.run(connection, hooks, 'onRoomClose', () => hooks.onRoomClose?.(this.parts.roomAt(at)));
  }

  /** @returns whether it went well, or there is none. */
  private async run(
    connection: Connection,
    hooks: RoomHooks,
    hook: keyof RoomHooks,
    call: () => unknown,
  ): Promise<boolean> {
    if (!hooks[hook]) return true;
    try {
      await call();
      return true;
    } catch (error) {
      this.parts.events.emit('hookFailed', { ...connection.facts(), hook, error });
      return false;
    }
  }
}
