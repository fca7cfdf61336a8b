import { CloseCode } from '../../protocol/close-codes.js';
import type { Clock, Timer } from '../clock.js';
import type { Connection } from './connection.js';
import type { ConnectionRegistry } from './connection-registry.js';

/** How often the connections are looked at, at most and at least. */
const SLOWEST_TICK_MS = 500;
const FASTEST_TICK_MS = 10;
/** How long nothing of a replay may drain before the reader counts as slow (RC5). */
const STALLED_MS = 10_000;
/** The same, while it reads what it was sent before the replay: there are few pings in that (ADR 0005). */
const STALLED_UNHEARD_MS = 60_000;
/** By how much a tick may be early or late and still count as in time. */
const TOLERANCE_MS = 2_000;

/**
 * Pings every connection each `heartbeatMs`, closes those that are silent for two intervals (CN1), those whose token has
 * expired (AU1) and those whose replay stands still (RC5). One timer for the whole process, none per connection: a tick
 * looks at every connection.
 */
export class Heartbeat {
  private readonly timer: Timer;
  private readonly tickMs: number;
  private tickedAt: number;

  constructor(
    private readonly connections: ConnectionRegistry,
    private readonly clock: Clock,
    private readonly heartbeatMs: number,
  ) {
    const tickMs = heartbeatMs === 0 ? SLOWEST_TICK_MS : heartbeatMs / 5;
    this.tickMs = Math.min(SLOWEST_TICK_MS, Math.max(FASTEST_TICK_MS, Math.floor(tickMs)));
    this.tickedAt = clock.now();
    this.timer = clock.every(this.tickMs, () => this.tick());
  }

  stop(): void {
    this.timer.cancel();
  }

  private tick(): void {
    const now = this.clock.now();
    const lateMs = now - this.tickedAt - this.tickMs;
    this.tickedAt = now;
    if (Math.abs(lateMs) > TOLERANCE_MS) this.leaveOut(lateMs, now);
    for (const connection of this.connections.list()) {
      const { identity, outbox, stalledSince = now } = connection;
      const { expiresAt } = identity;
      if (expiresAt !== undefined && expiresAt <= now) {
        connection.close(CloseCode.tokenExpired, 'token_expired');
      } else if (
        !connection.paused &&
        now - stalledSince >= (outbox.isHeardReading ? STALLED_MS : STALLED_UNHEARD_MS)
      ) {
        connection.close(CloseCode.slowConsumer, 'slow_consumer');
      } else if (this.heartbeatMs > 0) {
        this.beat(connection, now);
      }
    }
  }

  /**
   * The clock jumped, or this process stood still: time in which nobody could be heard, so nobody was silent in it. What
   * was sent meanwhile has not been read yet. What was heard since then goes by the new time already.
   */
  private leaveOut(ms: number, now: number): void {
    const moved = (at: number): number => (ms > 0 ? Math.min(at + ms, now) : at > now ? at + ms : at);
    for (const connection of this.connections.list()) {
      connection.heardAt = moved(connection.heardAt);
      if (connection.stalledSince !== undefined) connection.stalledSince = moved(connection.stalledSince);
      connection.pingDueAt = (connection.pingDueAt ?? now + this.heartbeatMs - ms) + ms;
    }
  }

  private beat(connection: Connection, now: number): void {
    if (!connection.paused && now - connection.heardAt >= 2 * this.heartbeatMs) {
      connection.close(CloseCode.heartbeatTimeout, 'heartbeat_timeout');
      return;
    }
    connection.pingDueAt ??= connection.openedAt + this.heartbeatMs;
    if (now < connection.pingDueAt) return;
    connection.pingDueAt = now + this.heartbeatMs;
    connection.ping();
    if (connection.codec === 'json') connection.sendFrame({ type: 'ping' });
  }
}
