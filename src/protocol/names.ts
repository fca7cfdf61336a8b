/** The WebSocket subprotocol of this version (HS5). */
export const SUBPROTOCOL = 'rookery.v1';

/** What a subprotocol that carries a token begins with (HS2). The server never selects one. */
export const BEARER_SUBPROTOCOL = 'bearer.';

/** Longest room name in characters (HS1). */
export const MAX_ROOM_NAME_LENGTH = 128;

/** Longest frame id in characters (CL2). */
export const MAX_FRAME_ID_LENGTH = 64;

/**
 * How deep the objects and arrays of a client's frame may stand in each other, the frame included (CL5). `JSON.parse`
 * knows no depth, but what handlers work with does: `JSON.stringify` and validators exhaust the stack.
 */
export const MAX_FRAME_DEPTH = 256;

/** The name under which a connection sees the room of its own user (FR7). */
export const USER_ROOM = '@me';

/** Frame types that belong to this document: no handler may be named so, nothing may be published so (CL1). */
export const reservedTypes: ReadonlySet<string> = new Set([
  'welcome',
  'joined',
  'left',
  'system',
  'ack',
  'error',
  'history',
  'presence',
  'join',
  'leave',
  'auth',
  'ping',
  'pong',
]);

/** Fields of a frame that belong to the server (FR3). */
export const reservedFields: ReadonlySet<string> = new Set([
  'type',
  'room',
  'id',
  'offset',
  'user',
  'userId',
  'timestamp',
]);

const ROOM_NAME = /^[A-Za-z0-9_.:~+-][A-Za-z0-9_.:@~+-]{0,127}$/;

/** Says whether a text is a room name that a client may ask for (HS1). */
export function isRoomName(name: unknown): name is string {
  return typeof name === 'string' && ROOM_NAME.test(name) && name !== '.' && name !== '..';
}

/** Says whether a value is a frame id: 1–64 characters (CL2). */
export function isFrameId(id: unknown): id is string {
  return typeof id === 'string' && id.length > 0 && id.length <= MAX_FRAME_ID_LENGTH;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Says whether a frame id is a UUID, as an anonymous sender's must be (CL2). Source: RFC 9562, section 4. */
export function isUuid(id: string): boolean {
  return UUID.test(id);
}
