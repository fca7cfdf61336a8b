import { WebSocket } from 'ws';
import { CloseCode } from '../../protocol/close-codes.js';
import type { Clock } from '../clock.js';
import type { Session } from './session.js';

/** The WebSocket of a session, which `ws` makes. What it hears goes to the one listener of all of them. */
export class SessionSocket extends WebSocket {
  /** Whose it is; `undefined` until it is accepted, and where it is refused. */
  session: Session | undefined;
  private listener: SessionListener | undefined;

  /** From here on the listener hears what happens to it. */
  accept(session: Session, listener: SessionListener): void {
    this.session = session;
    this.listener = listener;
    // With nobody in it Node's list of listeners takes 180 bytes, with ours it would take 460.
    Object.assign(this, { _events: undefined, _eventsCount: 0 });
  }

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

  /** Tells the one listener, then whoever called `on` after the socket was accepted. */
  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    const { session, listener } = this;
    if (!session || !listener) return super.emit(event, first, second);
    switch (event) {
      case 'message':
        listener.message(session, first as Buffer, second as boolean);
        break;
      case 'ping':
        listener.ping(session, this, first as Buffer);
        break;
      case 'pong':
        listener.pong(session);
        break;
      case 'close':
        listener.closed(session, first as number, second as Buffer);
        break;
      // `error` is a fault of the peer or the network: `close` follows and says the code.
    }
    const { _events: others } = this as { _events?: object | undefined };
    if (others === undefined || (event === 'error' && this.listenerCount('error') === 0)) return true;
    return super.emit(event, first, second);
  }
}

/** Hears what happens to the sockets of all sessions. */
export class SessionListener {
  /** @param onClosed Told when a socket is closed, with what its peer said. */
  constructor(
    private readonly clock: Clock,
    private readonly onClosed: (session: Session, code: number, reason: string) => void,
  ) {}

  message(session: Session, data: Buffer, isBinary: boolean): void {
    const now = this.clock.now();
    session.connection.heardAt = now;
    session.dispatcher.receive(session, data, isBinary, now);
  }

  /** Answered here: where `ws` does it, each socket has a closure for it. A peer that reads no answer is too slow (CN2). */
  ping(session: Session, socket: SessionSocket, data: Buffer): void {
    const { connection } = session;
    if (connection.open) {
      socket.pong(data);
      connection.heldBack();
    }
    this.control(session);
  }

  pong(session: Session): void {
    const { connection } = session;
    if (connection.outbox.ponged()) connection.readOn(this.clock.now());
    else this.control(session);
  }

  closed(session: Session, code: number, reason: Buffer): void {
    this.onClosed(session, code, reason.toString());
  }

  private control({ connection, controls }: Session): void {
    if (!connection.open) return; // Thousands may have been received before it was closed.
    const now = this.clock.now();
    connection.heardAt = now;
    if (controls.spend(now)) connection.close(CloseCode.rateLimited, 'rate_limited');
  }
}
