import { CloseCode } from '../../protocol/close-codes.js';
import { EVERYWHERE } from '../bans/bans.js';
import type { Bans } from '../bans/bans.js';
import type { Connection } from '../connection/connection.js';
import { BrokerUnavailableError, FrameError } from '../realtime.errors.js';
import type { RealtimeEvents } from '../realtime.events.js';
import { userAddress } from '../rooms/address.js';
import type { Address } from '../rooms/address.js';
import { JoinHookError } from '../rooms/room-joiner.js';
import type { RoomJoiner } from '../rooms/room-joiner.js';
import type { Admission } from './handshake.js';
import type { Session } from './session.js';

export interface RoomEntryParts {
  readonly bans: Bans;
  readonly events: RealtimeEvents;
  readonly joiner: RoomJoiner;
}

/** Takes a connection that was just opened into the rooms that it begins in: `@me`, and the room of its path. */
export class RoomEntry {
  constructor(private readonly parts: RoomEntryParts) {}

  /** Where it can't come in it is closed, with the code that CN5 has for the reason. Never rejects. */
  async enter(session: Session, admission: Admission): Promise<void> {
    const { connection, gateway } = session;
    const { identity } = connection;
    try {
      if (gateway.definition.userRoom && gateway.codec === 'json' && !identity.anonymous) {
        await this.join(session, userAddress(identity.id), admission.me, false);
      }
      if (admission.at && connection.open) await this.join(session, admission.at, admission.since, true);
      if (!admission.at && !(await this.isNotBanned(session, [EVERYWHERE]))) {
        connection.close(CloseCode.kicked, 'kicked');
      }
    } catch (error) {
      closeFor(connection, error, this.parts.events);
    }
  }

  /** Asked again once the connection can be found: a kick that came during the handshake is not missed. */
  private async isNotBanned({ connection: { identity } }: Session, scopes: readonly string[]): Promise<boolean> {
    return identity.anonymous || (await this.parts.bans.remainingMs(scopes, identity.id)) === 0;
  }

  private join(session: Session, at: Address, since: string | undefined, ofPath: boolean): Promise<void> {
    const { connection, memberships, gateway } = session;
    const permit = (): Promise<boolean> => this.isNotBanned(session, ofPath ? [EVERYWHERE, at.address] : [EVERYWHERE]);
    return this.parts.joiner.join({
      connection,
      memberships,
      hooks: gateway.hooks,
      at,
      since,
      ofPath,
      permit,
      id: undefined,
    });
  }
}

/** CN5: what becomes of a connection that could not come into the room of its path. */
function closeFor(connection: Connection, error: unknown, events: RealtimeEvents): void {
  if (error instanceof BrokerUnavailableError) return connection.close(CloseCode.tryAgainLater, 'unavailable');
  if (error instanceof FrameError && error.code === 'forbidden') return connection.close(CloseCode.kicked, 'kicked');
  if (!(error instanceof JoinHookError)) {
    events.emit('taskFailed', { task: 'joining the room of the path', error });
  }
  connection.close(CloseCode.internal, 'internal');
}
