import { EVERYWHERE } from '../bans/bans.js';
import type { Bans } from '../bans/bans.js';
import type { Identity } from '../auth/identity.js';
import type { RoomPolicy } from '../auth/room-policy.js';
import type { Address } from '../rooms/address.js';

export interface JoinPermissionParts {
  readonly policy: () => RoomPolicy;
  readonly bans: Bans;
}

/**
 * Asks whether an identity may join a room: first whether it was kicked from it, then the policy. A policy that throws
 * says no by its exception, which the caller answers.
 *
 * @throws BrokerUnavailableError unavailable — bans can't be read.
 */
export async function mayJoin(parts: JoinPermissionParts, identity: Identity, at: Address): Promise<boolean> {
  if ((await parts.bans.remainingMs([EVERYWHERE, at.address], identity.id)) > 0) return false;
  return parts.policy().mayJoin(identity, { namespace: at.namespace, name: at.room, address: at.address });
}
