import { parseCursor } from '../../protocol/cursor.js';
import { CloseCode } from '../../protocol/close-codes.js';
import type { LeftReason } from '../../protocol/frames.js';
import type { HistoryPage } from '../broker/broker.js';
import type { Clock } from '../clock.js';
import type { Connection } from '../connection/connection.js';
import type { Entered, PresenceTracker } from '../presence/presence-tracker.js';
import { BrokerUnavailableError, FrameError, RealtimeError } from '../realtime.errors.js';
import { continues, isRecoverable } from '../recovery/cursor-verdict.js';
import type { Address } from './address.js';
import { USER_NAMESPACE } from './address.js';
import { HookRunner } from './hook-runner.js';
import type { HookRunnerParts } from './hook-runner.js';
import { LATEST_CURSOR, LatestRoom } from './latest-room.js';
import type { LocalRoom, Member } from './local-room.js';
import type { Memberships } from './memberships.js';
import { firstPage, replay, tellGap } from './replay.js';
import type { ReplayParts } from './replay.js';
import type { RoomHooks } from './room-hooks.js';
import type { RoomRegistry } from './room-registry.js';

export interface RoomJoinerParts extends ReplayParts, HookRunnerParts {
  readonly registry: RoomRegistry;
  readonly clock: Clock;
  readonly tracker: PresenceTracker;
  readonly joinTimeoutMs: number;
}

export interface JoinRequest {
  readonly connection: Connection;
  readonly memberships: Memberships;
  readonly hooks: RoomHooks;
  readonly at: Address;
  /** Whether it is the room of the connection's path. */
  readonly ofPath: boolean;
  /** The cursor that the client gave, as it came; `undefined`: none. */
  readonly since: string | undefined;
  /** The id of the frame that asks. */
  readonly id: string | undefined;
  /** Asked once the join can no longer miss a kick. */
  readonly permit: () => Promise<boolean>;
}

/** An application's hook threw: the join is refused. The cause was logged. */
export class JoinHookError extends RealtimeError {
  readonly code = 'internal';
}

interface Entering {
  readonly connection: Connection;
  readonly address: string;
  kicked: boolean;
}

/** Where a member begins. */
interface Start {
  readonly room: LocalRoom;
  readonly epoch: string;
  readonly offset: number;
  readonly recovered: boolean | undefined;
  readonly page: HistoryPage | undefined;
  readonly entered: Entered;
}

const REPLAY_RETRY_MS = 500;

/** Takes connections into rooms and out of them: subscribe, recover, `OnJoin`, `joined`, replay, then what comes. */
export class RoomJoiner {
  /** Joins that are being worked on, and whether a kick came meanwhile. */
  private readonly entering = new Set<Entering>();

  private readonly hooks: HookRunner;

  constructor(private readonly parts: RoomJoinerParts) {
    this.hooks = new HookRunner(parts);
  }

  /** A connection is kicked from a room that it is just joining: the join will be refused. */
  refuseEntering(connection: Connection, address: string): void {
    for (const entering of this.entering) {
      if (entering.connection === connection && entering.address === address) entering.kicked = true;
    }
  }

  /**
   * Joins. Resolves when `joined` was sent; the replay goes on by itself.
   *
   * @throws BrokerUnavailableError unavailable — not joined; trying again is safe.
   * @throws JoinHookError internal — not joined.
   * @throws FrameError forbidden — not permitted, or kicked while joining.
   */
  async join(request: JoinRequest): Promise<void> {
    const { connection, memberships, at } = request;
    const present = memberships.get(at.room);
    if (present) return this.tellAgain(present, request);
    const entering: Entering = { connection, address: at.address, kicked: false };
    this.entering.add(entering);
    try {
      if (!(await request.permit())) throw notAllowed();
      await this.enter(request, entering);
    } finally {
      this.entering.delete(entering);
    }
  }

  private async enter(request: JoinRequest, entering: Entering): Promise<void> {
    const { connection, memberships, at } = request;
    const start = await this.inTime(request);
    const member: Member = {
      connection,
      room: start.room,
      ofPath: request.ofPath,
      index: -1,
      epoch: start.epoch,
      offset: start.offset,
      gone: false,
    };
    try {
      if (entering.kicked) throw notAllowed();
      await this.runJoinHooks(member, request.hooks);
    } catch (error) {
      this.letGo(member);
      this.parts.registry.release(member.room);
      throw error;
    }
    if (!connection.open || entering.kicked) {
      await this.leave(member, memberships, request.hooks, 'closed');
      if (entering.kicked) throw notAllowed();
      return;
    }
    memberships.add(member);
    connection.sendFrame({
      type: 'joined',
      id: request.id,
      room: at.room,
      cursor: member.room.cursorOf(member),
      recovered: start.recovered,
      members: start.entered.members,
    });
    this.parts.events.emit('roomJoined', { ...connection.facts(), room: at.room, recovered: start.recovered });
    if (start.recovered === false) tellGap(member, this.parts.events);
    // Where there is nothing to replay this makes the member live at once, so that it hears itself announced.
    const replayed = replay(member, this.parts, start.page);
    this.parts.events.watch(`replay of ${at.address}`, this.follow(member, start.entered, replayed));
  }

  /**
   * Takes a member out of its room. Where the connection is still there it is told: `left`, and nothing of the room
   * after it.
   */
  async leave(
    member: Member,
    memberships: Memberships,
    hooks: RoomHooks,
    reason: LeftReason | 'closed',
    id?: string,
  ): Promise<void> {
    if (member.gone) return;
    const { connection, room } = member;
    memberships.delete(member);
    const clean = reason !== 'closed' || connection.closedCleanly;
    this.letGo(member, !clean);
    if (reason !== 'closed') connection.sendFrame({ type: 'left', id, room: room.at.room, reason });
    this.parts.events.emit('roomLeft', { ...connection.facts(), room: room.at.room, reason });
    if (!isPersonal(room.at)) {
      await this.hooks.left(connection, room.at, hooks, reason);
    }
    if (this.parts.registry.remove(room, connection) && !isPersonal(room.at)) {
      await this.hooks.closed(connection, room.at, hooks);
    }
    this.parts.registry.release(room);
  }

  /** A connection is called otherwise from now on: so it is where it is present (HS9). */
  renamed(connection: Connection, memberships: Memberships): void {
    for (const { room } of memberships.list()) {
      if (!isPersonal(room.at)) this.parts.tracker.rename(room.at.address, userOf(connection));
    }
  }

  /** Subscribes, reads what is to be recovered and enters, all within the time that CN5 gives. */
  private async inTime(request: JoinRequest): Promise<Start> {
    let late = false;
    let giveUp: (error: Error) => void = () => undefined;
    const timer = this.parts.clock.after(this.parts.joinTimeoutMs, () => {
      late = true;
      giveUp(new BrokerUnavailableError(`no answer within ${this.parts.joinTimeoutMs} ms: try again`));
    });
    const begun = this.begin(request).then((start) => {
      if (late) this.letGoOf(start.room, request, true);
      return start;
    });
    try {
      return await Promise.race([
        begun,
        new Promise<never>((_, reject) => {
          giveUp = reject;
        }),
      ]);
    } finally {
      timer.cancel();
      begun.catch(() => undefined); // Told to the caller by the race, or too late to matter.
    }
  }

  private async begin(request: JoinRequest): Promise<Start> {
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
    const page = await this.parts.broker.history(room.at.address, {
      since: cursor.offset,
      ...firstPage(this.parts.chunk),
    });
    if (page.position.epoch !== room.epoch) await room.repair('member');
    if (!isRecoverable(cursor, page.position) || !continues(cursor, page)) return nowhere;
    return { recovered: true, epoch: page.position.epoch, offset: cursor.offset, page };
  }

  private async runJoinHooks(member: Member, hooks: RoomHooks): Promise<void> {
    const { connection, room } = member;
    const first = this.parts.registry.add(room, connection);
    if (isPersonal(room.at)) return;
    if (await this.hooks.joined(connection, room.at, hooks, first)) return;
    if (this.parts.registry.remove(room, connection)) await this.hooks.closed(connection, room.at, hooks);
    throw new JoinHookError('the application could not let this connection in');
  }

  private async follow(member: Member, entered: Entered, replayed: Promise<void>): Promise<void> {
    const { connection, room } = member;
    if (!isPersonal(room.at)) this.parts.tracker.arrived(room.at.address, userOf(connection), entered);
    let failing: { readonly at: number; readonly since: number } | undefined;
    for (;;) {
      try {
        await replayed;
        return;
      } catch (error) {
        if (!(error instanceof BrokerUnavailableError)) throw error;
        const now = this.parts.clock.now();
        if (failing?.at !== member.offset) failing = { at: member.offset, since: now };
        if (now - failing.since >= this.parts.joinTimeoutMs) {
          connection.close(CloseCode.tryAgainLater, 'unavailable');
          return;
        }
        await new Promise<void>((resolve) => this.parts.clock.after(REPLAY_RETRY_MS, resolve));
        replayed = replay(member, this.parts);
      }
    }
  }

  /** CL3: joining a room that one is in. */
  private async tellAgain(member: Member, request: JoinRequest): Promise<void> {
    const { at } = request;
    const members = isPersonal(at) ? 1 : await this.parts.countMembers(at.address);
    if (member.gone) throw notAllowed();
    request.connection.sendFrame({
      type: 'joined',
      id: request.id,
      room: at.room,
      cursor: member.room.cursorOf(member),
      members,
    });
    member.room.rejoined(member);
  }

  private letGo(member: Member, lost = false): void {
    member.gone = true;
    member.room.detach(member);
    if (!isPersonal(member.room.at)) {
      const { identity, closedWith } = member.connection;
      this.parts.tracker.exit(member.room.at.address, identity.id, lost, closedWith?.retryMs);
    }
  }

  private letGoOf(room: LocalRoom, request: JoinRequest, lost: boolean): void {
    if (!isPersonal(room.at)) this.parts.tracker.exit(room.at.address, request.connection.identity.id, lost);
    this.parts.registry.release(room);
  }
}

function notAllowed(): FrameError {
  return new FrameError('forbidden', 'joining this room is not allowed to you');
}

function isPersonal(at: Address): boolean {
  return at.namespace === USER_NAMESPACE;
}

function userOf(connection: Connection): { id: string; name: string } {
  return { id: connection.identity.id, name: connection.identity.name || 'anonymous' };
}
