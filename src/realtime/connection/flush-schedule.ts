import { directWrites } from './direct-writes.js';
import type { DirectWrites } from './direct-writes.js';
import { joined } from './joined-frames.js';
import { turnEnd } from '../turn-end.js';
import { TurnList } from '../turn-list.js';
import type { Ending } from '../turn-end.js';

/** What has something to write. */
export interface Flushable {
  /** When it last wrote, as the schedule's `now` told; `undefined`: never. */
  readonly flushedAt: number | undefined;
  flush(many?: DirectWrites): void;
}

/** Says when what was queued for a connection is written. */
export interface FlushSchedule {
  /** It has something to write, and had nothing before. */
  add(outbox: Flushable): void;
  /** Milliseconds on a clock of its own. */
  now(): number;
}

const flush = (outbox: Flushable): void => outbox.flush(directWrites);

/** Who is written to together: members of a room, who get the same bytes. */
class FlushGroup implements Ending {
  private readonly waiting = new TurnList<Flushable>();

  /** @returns whether it is the first one. */
  add(outbox: Flushable): boolean {
    return this.waiting.add(outbox);
  }

  end(): void {
    this.waiting.visit(flush);
    directWrites.end();
    joined.forget();
  }
}

/** Writes at the end of the turn of the event loop, after all who have something to say then. */
class EndOfTurn implements FlushSchedule {
  private readonly group = new FlushGroup();

  add(outbox: Flushable): void {
    if (this.group.add(outbox)) turnEnd.endsLast(this.group);
  }

  now(): number {
    return 0; // Nobody asks how long ago it was.
  }
}

/** One for the process. */
export const endOfTurn = new EndOfTurn();

/**
 * Gathers for longer where much is sent (`coalesceMs`): who was written to less than so many milliseconds ago waits for
 * the rest of them, and all who wait are written to together. The first frame after a quiet spell leaves at the end of
 * its turn.
 */
export class FlushWindow implements FlushSchedule {
  private readonly group = new FlushGroup();

  constructor(private readonly windowMs: number) {}

  add(outbox: Flushable): void {
    const leftMs = (outbox.flushedAt ?? -Infinity) + this.windowMs - this.now();
    if (leftMs <= 0) endOfTurn.add(outbox);
    else if (this.group.add(outbox)) setTimeout(() => this.group.end(), leftMs);
  }

  now(): number {
    return performance.now();
  }
}
