import type { Connection } from '../connection/connection.js';

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
