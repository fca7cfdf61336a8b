import { CloseCode } from '../../protocol/close-codes.js';
import type { Clock } from '../clock.js';
import type { Connection } from '../connection/connection.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { RoomJoiner } from '../rooms/room-joiner.js';
import type { GatewayBinding } from './gateway-binding.js';
import type { Session } from './session.js';

export interface SessionsParts {
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  readonly connections: ConnectionRegistry;
  readonly joiner: RoomJoiner;
}

const CLOSE_ALL_TIMEOUT_MS = 3_000;
const HOOKS_TIMEOUT_MS = 8_000;

/** The sessions of this pod, from the opening of a connection until its hooks have run. */
export class Sessions {
  private readonly byConnection = new Map<Connection, Session>();
  /** Whoever waits until a session has ended. */
  private readonly waiting = new Map<Session, (() => void)[]>();

  constructor(private readonly parts: SessionsParts) {}

  add(session: Session): void {
    this.byConnection.set(session.connection, session);
    this.parts.connections.add(session.connection);
  }

  of(connection: Connection): Session | undefined {
    return this.byConnection.get(connection);
  }

  /** The connection is gone: tells everybody, and takes it out of its rooms. */
  end(session: Session, code: number, reason: string): void {
    const { events } = this.parts;
    const ended = this.endNow(session, code, reason).finally(() => {
      this.byConnection.delete(session.connection);
      this.tellEnded(session);
    });
    events.watch('end of a connection', ended);
  }

  /** Closes those of a gateway with 1001, and waits until their hooks have run, 8 s at most. */
  async closeAll(gateway: GatewayBinding): Promise<void> {
    const mine = [...this.byConnection.values()].filter((session) => session.gateway === gateway);
    const ended = mine.map((session) => this.ended(session));
    for (const { connection } of mine) connection.close(CloseCode.goingAway, 'going_away');
    const late = setTimeout(() => mine.forEach(({ connection }) => connection.terminate()), CLOSE_ALL_TIMEOUT_MS);
    await this.waitForHooks(gateway, ended);
    clearTimeout(late);
  }

  private ended(session: Session): Promise<void> {
    const waiting = this.waiting.get(session) ?? [];
    this.waiting.set(session, waiting);
    return new Promise((resolve) => waiting.push(resolve));
  }

  private tellEnded(session: Session): void {
    for (const resolve of this.waiting.get(session) ?? []) resolve();
    this.waiting.delete(session);
  }

  private async endNow(session: Session, code: number, reason: string): Promise<void> {
    const { connection, memberships, gateway, place } = session;
    const { connections, events, joiner, clock } = this.parts;
    const { closedWith, breach } = connection;
    place.release();
    connection.closedCleanly = code === CloseCode.normal || closedWith?.code === CloseCode.kicked;
    connection.outbox.close(true);
    connections.remove(connection);
    events.emit('connectionClosed', {
      ...connection.facts(session.pathRoom),
      code: closedWith?.code ?? breach ?? code,
      reason: closedWith?.reason ?? reason,
      durationMs: clock.now() - connection.openedAt,
    });
    connection.tellClosed();
    await Promise.all(memberships.list().map((member) => joiner.leave(member, memberships, gateway.hooks, 'closed')));
  }

  /** A hook that never ends must not keep the application from ending. */
  private async waitForHooks({ name }: GatewayBinding, ended: readonly Promise<void>[]): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        const error = new Error(`onLeave or handleDisconnect did not end within ${HOOKS_TIMEOUT_MS} ms`);
        this.parts.events.emit('taskFailed', { task: `closing ${name}`, error });
        resolve();
      }, HOOKS_TIMEOUT_MS);
    });
    await Promise.race([Promise.all(ended), tooLong]);
    clearTimeout(timer);
  }
}
