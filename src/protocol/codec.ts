import type { ClientFrame } from './frames.js';
import { isFrameId, MAX_FRAME_DEPTH, reservedFields } from './names.js';

/** A frame that could be read, or one sentence about what is wrong with it. */
export type Decoded =
  | { readonly ok: true; readonly frame: ClientFrame }
  | { readonly ok: false; readonly message: string; readonly id?: string };

/** What the server adds to a payload when it becomes a frame (FR3). */
export interface FrameHeader {
  readonly type: string;
  readonly room: string;
  readonly id?: string | undefined;
  readonly user?: string | undefined;
  readonly userId?: string | undefined;
  readonly timestamp: string;
}

/** Reads any JSON text; `undefined` where it is none. The only call of `JSON.parse` on bytes from outside. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // JSON has no `undefined`, so this can't be taken for a value; the caller says what is wrong.
  }
}

/**
 * Reads a frame from a client (CL1, CL2, CL5). A frame without a type is `message`; Nest's `{event, data}` is
 * understood. Never throws, and never repeats in its message what the client sent.
 */
export function decodeFrame(text: string): Decoded {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, message: 'expected a JSON object; send one JSON object per WebSocket text message' };
  }
  const fields = value as Record<string, unknown>;
  const id = fields['id'];
  if (id !== undefined && !isFrameId(id)) {
    return { ok: false, message: 'expected "id" to be a string of 1 to 64 characters' };
  }
  const bad = (message: string): Decoded => (id === undefined ? { ok: false, message } : { ok: false, message, id });
  if (text.length > MAX_FRAME_DEPTH && isNestedDeeper(fields, MAX_FRAME_DEPTH)) {
    return bad(`expected a frame that is nested at most ${MAX_FRAME_DEPTH} deep`);
  }
  const room = fields['room'];
  if (room !== undefined && typeof room !== 'string') return bad('expected "room" to be a string');
  const enveloped = fields['type'] === undefined && typeof fields['event'] === 'string';
  const type = enveloped ? fields['event'] : (fields['type'] ?? (fields['type'] === null ? null : 'message'));
  if (typeof type !== 'string') return bad('expected "type" to be a string');
  const user = fields['user'];
  return {
    ok: true,
    frame: {
      type,
      id,
      room,
      user: typeof user === 'string' ? user : undefined,
      body: enveloped ? fields['data'] : bodyOf(fields),
      fields,
    },
  };
}

/**
 * Writes an application's frame without its offset (FR3). The server's fields win over the payload's; a payload that
 * is no object travels as `data`. `JSON.stringify` decides what a value looks like, `toJSON` included.
 *
 * @throws TypeError where the payload can't be JSON (a cycle, a BigInt).
 */
export function encodeFrame(header: FrameHeader, payload: unknown): string {
  const { type, room, id, user, userId, timestamp } = header;
  // Field by field: half the time of JSON.stringify of an object (`bench:micro`, codec).
  const head = `{${field('type', type)}${field('room', room)}${field('id', id)}${field('user', user)}${field('userId', userId)}${field('timestamp', timestamp)}`;
  const tail = encodePayload(payload);
  return tail === '{}' ? `${head.slice(0, -1)}}` : head + tail.slice(1);
}

/** What {@link spliceOffset} puts after the opening brace of a stored frame. */
export function offsetPrefix(offset: number): string {
  return `{"offset":${offset},`;
}

/** Puts the offset into an encoded frame: after its opening brace. */
export function spliceOffset(frame: string, offset: number): string {
  return offsetPrefix(offset) + frame.slice(1);
}

/** Says whether objects and arrays stand in each other more than so many deep. */
export function isNestedDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const inner of Object.values(value)) {
    if (isNestedDeeper(inner, levels - 1)) return true;
  }
  return false;
}

function bodyOf(fields: Record<string, unknown>): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const key of Object.keys(fields)) {
    // An own `__proto__` from JSON would become the body's prototype by assignment.
    if (!reservedFields.has(key) && key !== '__proto__') body[key] = fields[key];
  }
  return body;
}

/** What JSON may write otherwise than it stands in a string: quote, backslash, control characters, surrogates. */
const ESCAPED = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;

/** A field and the comma behind it; nothing where its value has no JSON form. */
function field(name: string, value: string | undefined): string {
  if (value === undefined) return '';
  // Applications in JavaScript may hand on what is no string.
  if (typeof value === 'string' && !ESCAPED.test(value)) return `"${name}":"${value}",`;
  const json = JSON.stringify(value) as string | undefined;
  return json === undefined ? '' : `"${name}":${json},`;
}

function encodePayload(payload: unknown): string {
  const json = JSON.stringify(payload) as string | undefined;
  if (json === undefined) return '{}';
  if (!json.startsWith('{')) return `{"data":${json}}`;
  if (!maySetReservedField(payload as object)) return json;
  return JSON.stringify(bodyOf(parseJson(json) as Record<string, unknown>));
}

/** Whether the JSON of an object may have a field of the server's: it has the object's own keys, unless `toJSON` made it. */
function maySetReservedField(payload: object): boolean {
  if (typeof (payload as { toJSON?: unknown }).toJSON === 'function') return true;
  for (const name of Object.keys(payload)) {
    if (reservedFields.has(name) || name === '__proto__') return true;
  }
  return false;
}
