import type { ClientFrame } from '../../protocol/frames.js';
import { isRoomName, USER_ROOM } from '../../protocol/names.js';
import type { Bans } from '../bans/bans.js';
import type { Identity } from '../auth/identity.js';
import { AuthenticatedRoomPolicy } from '../auth/room-policy.js';
import type { RoomPolicy } from '../auth/room-policy.js';
import type { Broker } from '../broker/broker.js';
import type { Presence } from '../presence/presence.js';
import { FrameError } from '../realtime.errors.js';
import type { RealtimeEvents } from '../realtime.events.js';
import { readHistory } from '../recovery/history-reader.js';
import { addressIn } from '../rooms/address.js';
import type { Address } from '../rooms/address.js';
import { LatestRoom } from '../rooms/latest-room.js';
import type { Member } from '../rooms/local-room.js';
import type { RoomJoiner } from '../rooms/room-joiner.js';
import { mayJoin } from './join-permission.js';
import type { Session } from './session.js';

export interface ProtocolFramesParts {
  readonly broker: Broker;
  readonly presence: Presence;
  readonly bans: Bans;
  readonly events: RealtimeEvents;
  readonly joiner: RoomJoiner;
  readonly policy: () => RoomPolicy;
  readonly maxRoomsPerConnection: number;
  /** How much one answer to `history` may hold. */
  readonly chunk: { readonly maxBytes: number };
  /** Checks a token that was brought later; `undefined` where this application checks none. */
  readonly verify: ((token: string) => Promise<Identity>) | undefined;
}

const PRESENCE_PAGE = 100;

/** The frames that the protocol itself answers: `join leave history presence auth` (CL3, CL4, AU1). */
export class ProtocolFrames {
  constructor(private readonly parts: ProtocolFramesParts) {}

  /** @throws FrameError bad_room, too_many_rooms, forbidden · BrokerUnavailableError · JoinHookError */
  async join(session: Session, frame: ClientFrame): Promise<void> {
    const { memberships, gateway } = session;
    const room = frame.room ?? session.pathRoom;
    const present = room === undefined ? undefined : memberships.get(room);
    if (present) return this.enter(session, present.room.at, frame);
    if (!isRoomName(room)) throw new FrameError('bad_room', 'expected a room name as HS1 has them');
    if (gateway.definition.room && this.parts.policy() instanceof AuthenticatedRoomPolicy) {
      // Its rooms follow from its path, checked at the handshake: a frame could name the room of another tenant.
      throw new FrameError(
        'forbidden',
        'the rooms of this gateway follow from its path; joining others needs a RoomPolicy',
      );
    }
    const { maxRoomsPerConnection: most } = this.parts;
    if (most > 0 && memberships.joined >= most) {
      throw new FrameError('too_many_rooms', `at most ${most} rooms per connection: leave one first`);
    }
    await this.enter(session, addressIn(gateway.namespace, room), frame);
  }

  /** @throws FrameError not_in_room */
  async leave(session: Session, frame: ClientFrame): Promise<void> {
    const member = session.memberships.get(frame.room ?? session.pathRoom ?? '');
    if (!member) throw notInRoom();
    if (member.room.at.room === USER_ROOM) throw new FrameError('forbidden', 'the room of a user can not be left');
    await this.parts.joiner.leave(member, session.memberships, session.gateway.hooks, 'left', frame.id);
  }

  /** @throws FrameError not_in_room, not_found, invalid_payload · BrokerUnavailableError */
  async history(session: Session, frame: ClientFrame): Promise<void> {
    const member = this.memberFor(session, frame);
    if (member.room instanceof LatestRoom) {
      throw new FrameError(
        'not_found',
        'a room of kind "latest" keeps no history: join it once more for what is there',
      );
    }
    // One answer at a time, the next when the socket takes more: pipelined questions must not make a reader a slow one.
    await session.historyTurns.take(async () => {
      await session.connection.outbox.drained();
      await this.answerHistory(session, frame, member);
    });
  }

  private async answerHistory(session: Session, frame: ClientFrame, member: Member): Promise<void> {
    const { fields } = frame;
    const { address, room } = member.room.at;
    const answer = await readHistory(this.parts.broker, address, {
      before: cursorField(fields, 'before'),
      since: cursorField(fields, 'since'),
      limit: fields['limit'] as number | undefined, // Checked where it is read.
      maxBytes: this.parts.chunk.maxBytes,
    });
    if (member.gone) throw notInRoom();
    // The frames are JSON already: they are put into the answer as they are stored.
    const head = JSON.stringify({
      type: 'history',
      id: frame.id,
      room,
      cursor: answer.cursor,
      complete: answer.complete,
    });
    session.connection.sendText(`${head.slice(0, -1)},"frames":[${answer.frames.join(',')}]}`);
  }

  /** @throws FrameError not_in_room, invalid_payload · BrokerUnavailableError */
  async presence(session: Session, frame: ClientFrame): Promise<void> {
    const member = this.memberFor(session, frame);
    const { room } = member.room.at;
    const after = frame.fields['after'];
    if (after !== undefined && typeof after !== 'string') {
      throw new FrameError('invalid_payload', "after: expected a user's id");
    }
    const page =
      room === USER_ROOM
        ? {
            count: 1,
            users: [{ id: session.connection.identity.id, name: session.connection.identity.name }],
            complete: true,
          }
        : await this.parts.presence.list(member.room.at.address, { after, limit: PRESENCE_PAGE });
    if (member.gone) throw notInRoom();
    session.connection.sendFrame({ type: 'presence', id: frame.id, room, ...page });
  }

  /** AU1. Answers once: with an error nothing has changed. @throws FrameError unauthenticated, invalid_payload · BrokerUnavailableError */
  async auth(session: Session, frame: ClientFrame): Promise<void> {
    const { connection, memberships, gateway } = session;
    const token = frame.fields['token'];
    if (typeof token !== 'string') throw new FrameError('invalid_payload', 'token: expected a string');
    if (!this.parts.verify)
      throw new FrameError('unauthenticated', 'this server takes no token on a living connection');
    const identity = await this.parts.verify(token);
    const { id, expiresAt = Infinity, anonymous } = connection.identity;
    if (anonymous || identity.id !== id)
      throw new FrameError('unauthenticated', 'expected a token of the same subject');
    if ((identity.expiresAt ?? Infinity) < expiresAt) {
      throw new FrameError('unauthenticated', 'expected a token that does not expire before the present one');
    }
    const lost: Member[] = [];
    for (const member of memberships.list()) {
      const { at } = member.room;
      if (at.room !== USER_ROOM && !(await mayJoin(this.parts, identity, at))) lost.push(member);
    }
    connection.identify(identity);
    if (frame.id !== undefined) {
      connection.sendFrame({ type: 'ack', id: frame.id, data: { expiresAt: identity.expiresAt } });
    }
    for (const member of lost) await this.parts.joiner.leave(member, memberships, gateway.hooks, 'forbidden');
  }

  private async enter(session: Session, at: Address, frame: ClientFrame): Promise<void> {
    const since = frame.fields['since'];
    const { connection, memberships, gateway } = session;
    await this.parts.joiner.join({
      connection,
      memberships,
      hooks: gateway.hooks,
      at,
      ofPath: false,
      permit: () => mayJoin(this.parts, connection.identity, at),
      // What is no text is no cursor either, and is answered like one that leads nowhere (RC2).
      since: since === undefined || typeof since === 'string' ? since : '',
      id: frame.id,
    });
  }

  /** Who asks must be a member. */
  private memberFor(session: Session, frame: ClientFrame): Member {
    const member = session.memberships.get(frame.room ?? session.pathRoom ?? '');
    if (!member) throw notInRoom();
    return member;
  }
}

function cursorField(fields: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new FrameError('not_found', `${name}: expected a cursor`);
}

function notInRoom(): FrameError {
  return new FrameError('not_in_room', 'join the room first');
}
