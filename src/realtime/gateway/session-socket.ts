import { WebSocket } from 'ws';
import { CloseCode } from '../../protocol/close-codes.js';
import type { Clock } from '../clock.js';
import type { Session } from './session.js';

/** The WebSocket of a session, which `ws` makes. */
export class SessionSocket extends WebSocket {
  /** Set when it is accepted. */
  session: Session | undefined;

  /**
   * `ws` closes by itself a connection whose peer breaks the standard, or whose message is too large. What it closed it
   * with is kept, the peer need not answer; for a message that is too large the reason is ours (CL6).
   */
  override close(code?: number, reason?: string | Buffer): void {
    const connection = this.session?.connection;
    if (connection) {
      connection.breach ??= code;
      connection.outbox.close();
    }
    super.close(code, reason ?? (code === CloseCode.tooBig ? 'too_big' : undefined));
  }
}

/** Listens to sockets, with the same functions for all of them: a closure for each would cost more than what it hears. */
export class SessionListener {
  /** @param onClosed Told when a socket is closed, with what its peer said. */
  constructor(
    private readonly clock: Clock,
    private readonly onClosed: (session: Session, code: number, reason: string) => void,
  ) {}

  listen(socket: SessionSocket): void {
    socket.on('message', this.message);
    socket.on('ping', this.ping);
    socket.on('pong', this.pong);
    socket.on('error', this.error);
    socket.on('close', this.close);
  }

  private readonly message = listenerOf((session, data: Buffer, isBinary: boolean) => {
    const now = this.clock.now();
    session.connection.heardAt = now;
    session.dispatcher.receive(session, data, isBinary, now);
  });

  private readonly ping = listenerOf((session) => this.control(session));

  private readonly pong = listenerOf((session) => {
    const { connection } = session;
    if (connection.outbox.pingsOwed === 0) return this.control(session); // It proves nothing of what was sent.
    connection.outbox.pingsOwed -= 1;
    connection.readOn(this.clock.now());
  });

  /** A fault of the peer or the network: `close` follows and says the code. */
  private readonly error = (): void => undefined;

  private readonly close = listenerOf((session, code: number, reason: Buffer) => {
    this.onClosed(session, code, reason.toString());
  });

  private control({ connection, controls }: Session): void {
    const now = this.clock.now();
    connection.heardAt = now;
    if (controls.spend(now)) connection.close(CloseCode.rateLimited, 'rate_limited');
  }
}

/** A listener of any socket, which calls with the session of the one that it hears. */
function listenerOf<Heard extends unknown[]>(hear: (session: Session, ...heard: Heard) => void) {
  return function (this: WebSocket, ...heard: Heard): void {
    const { session } = this as SessionSocket;
    if (session) hear(session, ...heard);
  };
}
