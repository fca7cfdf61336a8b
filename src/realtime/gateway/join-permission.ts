import { EVERYWHERE } from '../bans/bans.js';
import type { Bans } from '../bans/bans.js';
import type { Identity } from '../auth/identity.js';
import { isYes } from '../auth/room-policy.js';
import type { RoomPolicy } from '../auth/room-policy.js';
import { BrokerUnavailableError } from '../realtime.errors.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { Address } from '../rooms/address.js';

export interface JoinPermissionParts {
  readonly policy: () => RoomPolicy;
  readonly bans: Bans;
  readonly events: RealtimeEvents;
}

/**
 * Says whether an identity may join a room: first whether it was kicked from it, then what the policy says.
 *
 * @throws BrokerUnavailableError unavailable — bans can't be read.
 */
export async function mayJoin(parts: JoinPermissionParts, identity: Identity, at: Address): Promise<boolean> {
  if ((await parts.bans.remainingMs([EVERYWHERE, at.address], identity.id)) > 0) return false;
  return policyAllows(parts, identity, at);
}

/**
 * Says what the policy says. One that throws says no, and is logged.
 *
 * @throws BrokerUnavailableError unavailable — the policy asked the broker.
 */
export async function policyAllows(
  { policy, events }: Pick<JoinPermissionParts, 'policy' | 'events'>,
  identity: Identity,
  at: Address,
): Promise<boolean> {
  try {
    const room = { namespace: at.namespace, name: at.room, address: at.address };
    return isYes(await policy().mayJoin(identity, room));
  } catch (error) {
    if (error instanceof BrokerUnavailableError) throw error;
    events.emit('taskFailed', { task: `RoomPolicy.mayJoin of ${at.address}`, error });
    return false;
  }
}
