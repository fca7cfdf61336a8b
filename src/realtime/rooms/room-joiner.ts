import { CloseCode } from '../../protocol/close-codes.js';
import type { LeftReason } from '../../protocol/frames.js';
import type { Connection } from '../connection/connection.js';
import { BrokerUnavailableError, FrameError, RealtimeError } from '../realtime.errors.js';
import { isPersonal } from './address.js';
import { HookRunner } from './hook-runner.js';
import type { HookRunnerParts } from './hook-runner.js';
import type { Member } from './local-room.js';
import type { Memberships } from './memberships.js';
import { goLive, replay, tellGap } from './replay.js';
import type { ReplayParts } from './replay.js';
import type { RoomHooks } from './room-hooks.js';
import { StartFinder, userOf } from './start-finder.js';
import type { StartFinderParts, StartRequest } from './start-finder.js';

export interface RoomJoinerParts extends ReplayParts, HookRunnerParts, StartFinderParts {}

export interface JoinRequest extends StartRequest {
  readonly memberships: Memberships;
  readonly hooks: RoomHooks;
  /** Whether it is the room of the connection's path. */
  readonly ofPath: boolean;
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

const REPLAY_RETRY_MS = 500;

/** Takes connections into rooms and out of them: subscribe, recover, `OnJoin`, `joined`, replay, then what comes. */
export class RoomJoiner {
  /** Joins that are being worked on, and whether a kick came meanwhile. */
  private readonly entering = new Set<Entering>();

  private readonly hooks: HookRunner;
  private readonly starts: StartFinder;

  constructor(private readonly parts: RoomJoinerParts) {
    this.hooks = new HookRunner(parts);
    this.starts = new StartFinder(parts);
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
    const start = await this.starts.find(request);
    const member: Member = {
      connection,
      outbox: connection.outbox,
      room: start.room,
      ofPath: request.ofPath,
      index: -1,
      epoch: start.epoch,
      offset: start.offset,
      gone: false,
    };
    try {
      if (entering.kicked) throw notAllowed();
      const isFirst = this.parts.registry.add(member.room, connection);
      if (!isPersonal(at)) await this.runJoinHooks(member, request.hooks, isFirst);
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
    // Where there is nothing to replay the member is live before it is announced, and hears it.
    const replayed = goLive(member) ? undefined : replay(member, this.parts, start.page);
    if (replayed) this.parts.events.watch(`replay of ${at.address}`, this.follow(member, replayed));
    if (!isPersonal(at)) this.parts.tracker.arrived(at.address, userOf(connection), start.entered);
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

  private async runJoinHooks(member: Member, hooks: RoomHooks, isFirst: boolean): Promise<void> {
    const { connection, room } = member;
    if (await this.hooks.joined(connection, room.at, hooks, isFirst)) return;
    if (this.parts.registry.remove(room, connection)) await this.hooks.closed(connection, room.at, hooks);
    throw new JoinHookError('the application could not let this connection in');
  }

  private async follow(member: Member, replayed: Promise<void>): Promise<void> {
    const { connection } = member;
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
}

function notAllowed(): FrameError {
  return new FrameError('forbidden', 'joining this room is not allowed to you');
}
