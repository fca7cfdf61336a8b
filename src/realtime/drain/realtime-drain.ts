import { CloseCode } from '../../protocol/close-codes.js';
import type { Clock, Timer } from '../clock.js';
import type { Connection } from '../connection/connection.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import type { RealtimeEvents } from '../realtime.events.js';

/** What takes connections in. */
export interface Drained {
  /** Whether anybody can connect to this process at all. */
  hasGateways(): boolean;
  /** From now on new handshakes are refused. */
  refuseHandshakes(): void;
  /** Resolves when whatever a connection asked for is done and answered. */
  settled(connection: Connection): Promise<void>;
}

export interface RealtimeDrainParts {
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  readonly drained: Drained;
  readonly connections: ConnectionRegistry;
  readonly drainDelayMs: number;
  readonly drainMs: number;
}

/** How long what a connection asked for may take to be answered before it is closed all the same. */
const SETTLE_MS = 3_000;
/** How often connections are closed, at most. */
const TICK_MS = 50;
/** Connections that are closed together come back over a second, and over a millisecond for each where they are more. */
const RETURN_MS = 1_000;
const RETURN_MS_EACH = 1;

/**
 * Empties this pod before it ends (CN4), so that nobody notices more than a short reconnect. Nest runs it for a signal,
 * where the application has `enableShutdownHooks()`; `app.close()` without a signal does not.
 *
 * Order: this pod is not ready any more and refuses handshakes (503), for `drainDelayMs` everything else goes on; then
 * connections are closed with 1012 one by one over `drainMs`, each when what it sent is answered. They are advised to
 * come back (`retry=`) as evenly as they were closed: soon, and never all at once.
 */
export class RealtimeDrain {
  private running: Promise<void> | undefined;

  constructor(private readonly parts: RealtimeDrainParts) {}

  /** Whether it has begun. It never ends but with the process. */
  get draining(): boolean {
    return this.running !== undefined;
  }

  /**
   * Drains, once: a second call waits for the first. Call it in your own handler of signals, before `app.close()`, if
   * your frames need what other modules give up in `onModuleDestroy`: Nest runs that hook before it drains.
   *
   * Resolves when every connection was told to go, `drainDelayMs + drainMs` and 3 s from the call at the latest; at once
   * in a process without a gateway, and after the delay where nobody is connected. Never rejects.
   */
  drain(): Promise<void> {
    this.running ??= this.run();
    return this.running;
  }

  private async run(): Promise<void> {
    const { clock, events, drained, connections, drainDelayMs, drainMs } = this.parts;
    if (!drained.hasGateways()) return;
    drained.refuseHandshakes();
    const startedAt = clock.elapsed();
    events.emit('drainBegan', { connections: connections.size, drainDelayMs, drainMs });
    await this.sleep(drainDelayMs);
    events.emit('drainClosing', { connections: connections.size });
    const closed = await this.closeAll(connections.list());
    events.emit('drainEnded', { closed, durationMs: clock.elapsed() - startedAt });
  }

  /** Closes the n-th of all when its part of the time has passed. @returns how many were still there. */
  private async closeAll(all: readonly Connection[]): Promise<number> {
    const { clock, drainMs } = this.parts;
    const startedAt = clock.elapsed();
    const dismissals: Promise<void>[] = [];
    let next = 0;
    while (all.slice(next).some(({ open }) => open)) {
      const share = drainMs === 0 ? 1 : (clock.elapsed() - startedAt) / drainMs;
      const due = Math.floor(share * all.length) + 1;
      const batch = all.slice(next, due).filter(({ open }) => open);
      for (const connection of batch) dismissals.push(this.dismiss(connection, batch.length));
      next = due;
      if (next < all.length) {
        await this.sleep(Math.max(TICK_MS, startedAt + (next * drainMs) / all.length - clock.elapsed()));
      }
    }
    await Promise.all(dismissals);
    return dismissals.length;
  }

  private async dismiss(connection: Connection, together: number): Promise<void> {
    connection.stopReading();
    let late: Timer | undefined;
    const tooLate = new Promise<void>((resolve) => {
      late = this.parts.clock.after(SETTLE_MS, resolve);
    });
    await Promise.race([this.parts.drained.settled(connection), tooLate]);
    late?.cancel();
    const retryMs = Math.random() * Math.max(RETURN_MS, together * RETURN_MS_EACH);
    connection.close(CloseCode.serviceRestart, 'service_restart', Math.ceil(retryMs));
  }

  private sleep(ms: number): Promise<void> {
    return ms <= 0 ? Promise.resolve() : new Promise((resolve) => this.parts.clock.after(ms, resolve));
  }
}
