import { parseCursor } from '../../protocol/cursor.js';
import type { HistoryPage } from '../broker/broker.js';
import type { Connection } from '../connection/connection.js';
import type { Entered, PresenceTracker } from '../presence/presence-tracker.js';
import { BrokerUnavailableError } from '../realtime.errors.js';
import { continues, isRecoverable } from '../recovery/cursor-verdict.js';
import { within } from '../within.js';
import type { Address } from './address.js';
import { isPersonal } from './address.js';
import { LATEST_CURSOR, LatestRoom } from './latest-room.js';
import type { LocalRoom } from './local-room.js';
import { firstPage } from './replay.js';
import type { ReplayParts } from './replay.js';
import type { RoomRegistry } from './room-registry.js';

export interface StartFinderParts extends Pick<ReplayParts, 'source' | 'clock' | 'chunk'> {
  readonly registry: RoomRegistry;
  readonly tracker: PresenceTracker;
  readonly joinTimeoutMs: number;
}

export interface StartRequest {
  readonly connection: Connection;
  readonly at: Address;
  /** The cursor that the client gave, as it came; `undefined`: none. */
  readonly since: string | undefined;
}

/** Where a member begins. */
export interface Start {
  readonly room: LocalRoom;
  readonly epoch: string;
  readonly offset: number;
  readonly recovered: boolean | undefined;
  readonly page: HistoryPage | undefined;
  readonly entered: Entered;
}

/** Finds where a connection begins in a room: subscribes, reads what is to be recovered, and enters. */
export class StartFinder {
  constructor(private readonly parts: StartFinderParts) {}

  /**
   * Finds it, all within the time that CN5 gives. Whoever takes it releases the room and exits.
   *
   * @throws BrokerUnavailableError unavailable — nothing is kept; trying again is safe.
   */
  find(request: StartRequest): Promise<Start> {
    const { clock, joinTimeoutMs } = this.parts;
    let late = false;
    const begun = this.begin(request).then((start) => {
      if (late) this.letGo(start.room, request);
      return start;
    });
    return within(clock, joinTimeoutMs, begun, () => {
      late = true;
      return new BrokerUnavailableError(`no answer within ${joinTimeoutMs} ms: try again`);
    });
  }

  private async begin(request: StartRequest): Promise<Start> {
    const { at, connection } = request;
    const room = await this.parts.registry.acquire(at);
    try {
      const where = request.since === undefined ? undefined : await this.recover(room, request.since);
      const entered = isPersonal(at)
        ? { members: 1, first: false }
        : await this.parts.tracker.enter(at.address, userOf(connection));
      return {
        room,
        entered,
        epoch: where?.page ? where.epoch : room.epoch,
        offset: where?.page ? where.offset : room.beginsAt,
        recovered: where?.recovered,
        page: where?.page,
      };
    } catch (error) {
      this.parts.registry.release(room);
      throw error;
    }
  }

  /** RC1 and RC2: where the cursor leads. Without a page: nowhere, and the member begins at the top. */
  private async recover(
    room: LocalRoom,
    since: string,
  ): Promise<{ recovered: boolean; epoch: string; offset: number; page: HistoryPage | undefined }> {
    const cursor = parseCursor(since);
    const nowhere = { recovered: false, epoch: '', offset: 0, page: undefined };
    if (room instanceof LatestRoom) return { ...nowhere, recovered: since === LATEST_CURSOR };
    if (!cursor) return nowhere;
    const page = await this.parts.source.history(room.at.address, {
      since: cursor.offset,
      ...firstPage(this.parts.chunk),
    });
    if (page.position.epoch !== room.epoch) await room.repair('member');
    if (!isRecoverable(cursor, page.position) || !continues(cursor, page)) return nowhere;
    return { recovered: true, epoch: page.position.epoch, offset: cursor.offset, page };
  }

  /** It was found, and too late: the connection counts as lost there. */
  private letGo(room: LocalRoom, { connection }: StartRequest): void {
    if (!isPersonal(room.at)) this.parts.tracker.exit(room.at.address, connection.identity.id, true);
    this.parts.registry.release(room);
  }
}

/** Who a connection is to those who ask who is there. */
export function userOf(connection: Connection): { id: string; name: string } {
  return { id: connection.identity.id, name: connection.identity.name || 'anonymous' };
}
