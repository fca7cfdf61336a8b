import { isObservable, lastValueFrom } from 'rxjs';
import type { Traffic } from '../traffic.js';
import { CloseCode } from '../../protocol/close-codes.js';
import { decodeFrame } from '../../protocol/codec.js';
import { errorCodeTable } from '../../protocol/error-codes.js';
import type { ClientFrame } from '../../protocol/frames.js';
import { isRoomName } from '../../protocol/names.js';
import { cleanName } from '../auth/identity.js';
import type { RoomPolicy } from '../auth/room-policy.js';
import type { Clock } from '../clock.js';
import type { RealtimeEvents } from '../realtime.events.js';
import { FrameError } from '../realtime.errors.js';
import { PublishResult } from '../rooms/publisher.js';
import type { RoomParts } from '../rooms/room.js';
import type { RoomJoiner } from '../rooms/room-joiner.js';
import { FrameContext } from './frame-context.js';
import { failureOf } from './frame-failure.js';
import { checkFrameId, FrameRoom } from './frame-room.js';
import { isThrownByHandler } from './handler-errors.js';
import type { ProtocolFrames } from './protocol-frames.js';
import type { LaneTurn } from './lanes.js';
import { handlerOf } from './session.js';
import type { BoundHandler, Dispatcher, Session } from './session.js';

export interface FrameDispatcherParts {
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  readonly rooms: RoomParts;
  readonly policy: () => RoomPolicy;
  readonly joiner: RoomJoiner;
  readonly protocolFrames: ProtocolFrames;
  readonly traffic: Traffic;
}

/** Frames that wait or run for one connection before its reading is suspended. */
const MAX_PENDING_FRAMES = 1_024;

/**
 * Takes the frames of a JSON gateway's connections from the wire to their handlers and sends the answers (FR5). Frames of
 * one connection to one room start in the order sent (OR3); nothing here waits for another connection.
 */
export class FrameDispatcher implements Dispatcher {
  constructor(private readonly parts: FrameDispatcherParts) {}

  /** One message of a connection, as `ws` gives it. */
  receive(session: Session, data: Buffer, isBinary: boolean, now: number): void {
    const { connection, limiter } = session;
    this.parts.traffic.received += 1;
    if (!connection.open) return;
    const decoded = isBinary
      ? ({ ok: false, message: 'expected a text message, got a binary one' } as const)
      : decodeFrame(data.toString());
    if (decoded.ok && this.answersAtOnce(session, decoded.frame)) return;
    const verdict = limiter.take(now);
    if (!verdict.allowed) {
      if (verdict.sustained) return connection.close(CloseCode.rateLimited, 'rate_limited');
      const id = decoded.ok ? decoded.frame.id : decoded.id;
      const { retryMs } = verdict;
      return this.fail(session, 'unknown', id, undefined, new FrameError('rate_limited', 'too many frames', retryMs));
    }
    if (!decoded.ok) {
      return this.fail(session, 'unknown', decoded.id, undefined, new FrameError('bad_frame', decoded.message));
    }
    this.route(session, decoded.frame);
    if (session.lanes.pending >= MAX_PENDING_FRAMES) connection.pause();
  }

  /** A lane got shorter: reading goes on where it was suspended. */
  settled(session: Session): void {
    const { connection, lanes } = session;
    if (connection.paused && lanes.pending < MAX_PENDING_FRAMES / 2) connection.resume(this.parts.clock.now());
  }

  /** `ping`, `pong` and `auth`: they never wait and don't count towards the rate (CL7), but towards a bound of their own. */
  private answersAtOnce(session: Session, frame: ClientFrame): boolean {
    if (frame.type !== 'ping' && frame.type !== 'pong' && frame.type !== 'auth') return false;
    if (session.controls.spend(this.parts.clock.now())) {
      session.connection.close(CloseCode.rateLimited, 'rate_limited');
      return true;
    }
    if (frame.type === 'ping') session.connection.sendFrame({ type: 'pong', id: frame.id });
    if (frame.type !== 'auth') return true;
    void this.answer(session, frame, this.parts.protocolFrames.auth(session, frame));
    return true;
  }

  private route(session: Session, frame: ClientFrame): void {
    const { protocolFrames } = this.parts;
    switch (frame.type) {
      case 'join':
        return this.change(session, frame, 'joining', () => protocolFrames.join(session, frame));
      case 'leave':
        return this.change(session, frame, 'leaving', () => protocolFrames.leave(session, frame));
      case 'history':
        return this.ask(session, frame, () => protocolFrames.history(session, frame));
      case 'presence':
        return this.ask(session, frame, () => protocolFrames.presence(session, frame));
      default:
        return this.toHandler(session, frame);
    }
  }

  private change(session: Session, frame: ClientFrame, kind: 'joining' | 'leaving', run: () => Promise<void>): void {
    const room = frame.room ?? session.pathRoom;
    if (room === undefined) {
      return this.fail(
        session,
        frame.type,
        frame.id,
        room,
        new FrameError('bad_room', 'expected "room" to name a room'),
      );
    }
    session.lanes.addChange(room, kind, async () => {
      try {
        await run();
      } catch (error) {
        this.fail(session, frame.type, frame.id, room, error);
      }
    });
  }

  /** `history` and `presence` (CL3): membership is judged in the order of arrival, but no handler is waited for (OR3). */
  private ask(session: Session, frame: ClientFrame, question: () => Promise<void>): void {
    session.lanes.ask(frame.room ?? session.pathRoom ?? '', (ahead) =>
      this.answer(session, frame, ahead === 'leaving' ? Promise.reject(notInRoom()) : question()),
    );
  }

  /** Follows what answers a frame; never rejects. */
  private async answer(session: Session, frame: ClientFrame, answered: Promise<void>): Promise<void> {
    try {
      await answered;
    } catch (error) {
      this.fail(session, frame.type, frame.id, frame.room ?? session.pathRoom, error);
    }
  }

  private toHandler(session: Session, frame: ClientFrame): void {
    const handler = handlerOf(session, frame.type);
    const room = frame.room ?? session.pathRoom;
    if (!handler) {
      return this.fail(
        session,
        'unknown',
        frame.id,
        frame.room,
        new FrameError('unknown_type', 'no handler takes this type'),
      );
    }
    this.nameAnonymous(session, frame.user);
    const lane = room ?? '';
    const isIn = room === undefined || session.memberships.get(room) !== undefined;
    if (!isIn && !session.lanes.has(lane)) return this.fail(session, frame.type, frame.id, room, notInRoom());
    if (session.gateway.concurrent.has(frame.type)) {
      session.lanes.add(lane, (turn) => {
        const handled = this.handle(session, frame, room, handler, turn);
        turn.release();
        return handled;
      });
    } else {
      session.lanes.add(lane, (turn) => this.handle(session, frame, room, handler, turn));
    }
  }

  private async handle(
    session: Session,
    frame: ClientFrame,
    room: string | undefined,
    handler: BoundHandler,
    turn: LaneTurn,
  ): Promise<void> {
    const { connection } = session;
    const context = new FrameContext(frame.type, frame.id, turn);
    let returned: unknown;
    try {
      if (room !== undefined) {
        const member = session.memberships.get(room);
        if (!member) throw notInRoom();
        if (room.startsWith('@')) throw new FrameError('forbidden', 'only the server publishes in this room');
        const { rooms, policy, events } = this.parts;
        context.room = new FrameRoom(member.room.at, rooms, context, connection, policy, events);
      }
      checkFrameId(frame.id, connection);
      // Guards and interceptors written for HTTP take the body for the response: it is always something to ask for a field.
      const result = handler(frame.body === undefined ? {} : frame.body, context);
      returned = await result;
      if (isObservable(returned)) returned = await lastValueFrom(returned, { defaultValue: undefined });
    } catch (error) {
      context.fail(error);
    }
    if (context.unsettled > 0) await context.settled();
    if (!context.failed) {
      try {
        this.acknowledge(session, context, returned);
      } catch (error) {
        context.fail(error); // What the handler returned can't be JSON.
      }
    }
    if (context.failed) this.fail(session, frame.type, frame.id, room, context.failed.error);
  }

  private acknowledge(session: Session, context: FrameContext, returned: unknown): void {
    if (context.id === undefined) return;
    const offset = context.firstResult?.offset;
    const data = returned instanceof PublishResult ? undefined : returned;
    session.connection.sendFrame({ type: 'ack', id: context.id, offset, data });
  }

  /** HS9: an anonymous connection is called what its first frame to a handler says, from then on. */
  private nameAnonymous({ connection, memberships }: Session, user: string | undefined): void {
    const { identity } = connection;
    if (!identity.anonymous || identity.name !== '') return;
    connection.identify({ ...identity, name: cleanName(user) || 'anonymous' });
    if (connection.identity.name !== 'anonymous') this.parts.joiner.renamed(connection, memberships);
  }

  private fail(session: Session, type: string, id: string | undefined, room: string | undefined, error: unknown): void {
    const { connection, errors } = session;
    const { code, message, retryMs, unexpected } = failureOf(error);
    const counts = errorCodeTable[code].counts && !isThrownByHandler(error);
    connection.sendFrame({ type: 'error', code, message, id, room, retryMs });
    this.parts.events.emit('frameFailed', {
      ...connection.facts(isRoomName(room) ? room : undefined), // What else stands there is the client's own text.
      type,
      code,
      ...(unexpected ? { error } : {}),
    });
    if (counts && errors.spend(this.parts.clock.now())) {
      connection.close(CloseCode.tooManyErrors, 'too_many_errors');
    }
  }
}

function notInRoom(): FrameError {
  return new FrameError('not_in_room', 'join the room first');
}
