/** How much is sent between two pings to a reader that is behind, or is sent a replay. */
const BEHIND_BYTES = 64 * 1024;
/** And to any other: twice what may wait for a reader that is no slow one (CN2). */
const AHEAD_BYTES = 2 * 1024 * 1024;
/** Between two pings: the reader may take long, and not be heard. */
const LONG_BYTES = 2 * BEHIND_BYTES;

/**
 * The pings that stand behind what a connection is sent, beside those of the heartbeat (CN1, ADR 0005): when one is due, and
 * how many are not answered. A class that the outbox extends: as an object of its own it would cost every connection forty
 * bytes.
 */
export abstract class OwedPings {
  private bytesSincePing = 0;
  /** Pings that were sent and not answered. */
  private owed = 0;
  /** Of these: up to the last one that stands a long way behind the one before. */
  private farApart = 0;

  /** Whether it is heard while it reads what it has not read yet; else there are few pings in it. */
  get isHeardReading(): boolean {
    return this.farApart === 0;
  }

  /** A ping was sent. */
  pinged(): void {
    this.owed += 1;
  }

  /** @returns false: nothing was owed, so it proves nothing of what was sent. */
  ponged(): boolean {
    if (this.owed === 0) return false;
    this.owed -= 1;
    if (this.farApart > 0) this.farApart -= 1;
    return true;
  }

  /** So many bytes are sent. @returns whether a ping has to be sent behind them. */
  protected isPingDue(bytes: number, isBehind: boolean): boolean {
    this.bytesSincePing += bytes;
    if (this.bytesSincePing < (isBehind ? BEHIND_BYTES : AHEAD_BYTES)) return false;
    this.markPing();
    return true;
  }

  /** So many bytes are sent to a reader that is not behind. @returns false: a ping would be due, and they are not counted. */
  protected needsNoPing(bytes: number): boolean {
    if (this.bytesSincePing + bytes >= AHEAD_BYTES) return false;
    this.bytesSincePing += bytes;
    return true;
  }

  /** A replay begins or goes on. @returns whether a ping has to be sent before it, so that its answer tells that it is read. */
  protected isPingDueBefore(): boolean {
    if (this.bytesSincePing < BEHIND_BYTES) return false;
    this.markPing();
    return true;
  }

  private markPing(): void {
    this.pinged();
    if (this.bytesSincePing >= LONG_BYTES) this.farApart = this.owed;
    this.bytesSincePing = 0;
  }
}
