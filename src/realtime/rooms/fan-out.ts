import { Batch } from '../connection/batch.js';
import type { Connection } from '../connection/connection.js';
import { endOfTurn } from '../connection/flush-schedule.js';

/** Whoever has a connection that messages go to. */
export interface Recipient {
  readonly connection: Connection;
}

/**
 * Hands one encoded message to every member: a plain loop, no closure and no copy per member. The bytes are shared and
 * must not be changed afterwards.
 */
export function deliverToAll(members: readonly Recipient[], message: Buffer, except: string | undefined): void {
  for (let i = 0; i < members.length; i += 1) {
    const { connection } = members[i]!;
    if (connection.id !== except) connection.deliver(message);
  }
}

/** A batch that is let go of when it ends: it would keep its frames, and what they share memory with, until the next one. */
class RoomBatch extends Batch {
  constructor(
    first: Buffer,
    private readonly fanOut: FanOut,
  ) {
    super(first);
  }

  override end(): void {
    super.end();
    this.fanOut.letGo(this);
  }
}

/**
 * Hands a room's messages to its members. The messages of one turn are one batch: the first one costs a step per member,
 * those that follow cost none.
 */
export class FanOut {
  private batch: Batch | undefined;

  /**
   * Delivers to every member, after everything that was delivered before. The bytes must not be changed afterwards.
   *
   * @param members Those of the room. Before they become others, {@link cut} is called.
   */
  deliver(members: readonly Recipient[], message: Buffer): void {
    const first = members[0]?.connection;
    if (!first) return;
    if (members.length === 1) return first.deliver(message);
    if (!this.batch?.add(message)) {
      const batch = new RoomBatch(message, this);
      this.batch = batch;
      endOfTurn.ends(batch);
      for (let i = 0; i < members.length; i += 1) members[i]!.connection.follow(batch);
    }
    first.spend(message.length * members.length);
  }

  /** Those who are members from now on are others, or one is sent something that the others aren't. */
  cut(): void {
    this.batch?.end();
  }

  /** @internal */
  letGo(batch: Batch): void {
    if (this.batch === batch) this.batch = undefined;
  }
}
