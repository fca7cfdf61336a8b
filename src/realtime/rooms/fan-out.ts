import { Batch } from '../connection/batch.js';
import type { BatchReader } from '../connection/batch.js';
import type { Connection } from '../connection/connection.js';
import { turnEnd } from '../turn-end.js';
import type { Ending } from '../turn-end.js';

/** Whoever has a connection that messages go to. */
export interface Recipient {
  readonly connection: Connection;
}

/** And what takes batches for it: where thousands are gone through, each object on the way there counts. */
export interface BatchRecipient extends Recipient {
  readonly outbox: BatchReader;
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

/**
 * Hands a room's messages to its members. The messages of one turn are one batch: the first one costs a step per member,
 * those that follow cost none.
 */
export class FanOut implements Ending {
  private batch: Batch | undefined;

  /**
   * Delivers to every member, after everything that was delivered before. The bytes must not be changed afterwards.
   *
   * @param members Those of the room. Before they become others, {@link end} is called.
   */
  deliver(members: readonly BatchRecipient[], message: Buffer): void {
    const first = members[0]?.connection;
    if (!first) return;
    if (members.length === 1) return first.deliver(message);
    if (!this.batch?.add(message)) {
      const batch = new Batch(message);
      this.batch = batch;
      turnEnd.ends(this);
      for (let i = 0; i < members.length; i += 1) members[i]!.outbox.follow(batch);
    }
    first.spend(message.length * members.length);
  }

  /** The turn is over, or those who are members from now on are others, or one is sent something that the others aren't. */
  end(): void {
    this.batch?.end();
    this.batch = undefined; // It would keep its frames, and what they share memory with, until the next one.
  }
}
