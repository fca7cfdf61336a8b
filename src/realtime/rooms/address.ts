import { isRoomName, USER_ROOM } from '../../protocol/names.js';
import { RealtimeUsageError } from '../realtime.errors.js';

/** A room's whole name, taken apart. */
export interface Address {
  /** `namespace/room`: what the broker knows. */
  readonly address: string;
  readonly namespace: string;
  /** What frames call the room. */
  readonly room: string;
}

/** Namespace of the rooms that each belong to one user. */
export const USER_NAMESPACE = '@user';

/** The room of every connection of a namespace; nobody joins it. */
export const EVERYBODY = '@all';

const NAMESPACE = /^[A-Za-z0-9_.~-]{1,64}$/;

/** Says whether a text can be a namespace. */
export function isNamespace(text: string): boolean {
  return NAMESPACE.test(text);
}

/** Puts an address together. The room's name was checked before. */
export function addressIn(namespace: string, room: string): Address {
  return { address: joined(namespace, room), namespace, room };
}

/** The room of a user, shared by all of the user's connections (FR7). */
export function userAddress(userId: string): Address {
  const room = Buffer.from(userId).toString('base64url');
  return { address: joined(USER_NAMESPACE, room), namespace: USER_NAMESPACE, room: USER_ROOM };
}

/** Says whether it is a user's own room: nobody is present there, and no hook runs. */
export function isPersonal(at: Address): boolean {
  return at.namespace === USER_NAMESPACE;
}

/** The address that reaches every connection of a namespace. */
export function everybodyIn(namespace: string): Address {
  return { address: `${namespace}/${EVERYBODY}`, namespace, room: EVERYBODY };
}

/** Says whether a text is the address of a room. */
export function isAddress(text: string): boolean {
  return readAddress(text) !== undefined;
}

/**
 * Reads an address that the application wrote.
 *
 * @throws RealtimeUsageError bad_usage — it is none.
 */
export function parseAddress(text: string): Address {
  const address = readAddress(text);
  if (address) return address;
  throw new RealtimeUsageError(
    `expected an address like "chat/general" (namespace, slash, room name), got ${JSON.stringify(text.slice(0, 80))}`,
  );
}

function readAddress(text: string): Address | undefined {
  const slash = text.indexOf('/');
  const namespace = text.slice(0, Math.max(0, slash));
  const room = text.slice(slash + 1);
  if (isNamespace(namespace) && isRoomName(room)) return addressIn(namespace, room);
  if (namespace === USER_NAMESPACE && /^[A-Za-z0-9_-]+$/.test(room)) {
    return { address: text, namespace, room: USER_ROOM };
  }
  return undefined;
}

/** One string by itself: a template's result would be a pair of its parts, and twice as large, for as long as a room is kept. */
function joined(namespace: string, room: string): string {
  return [namespace, room].join('/');
}
