import * as fc from 'fast-check';
import { anyJson, anyText, overTheWire } from './texts.js';

/** One WebSocket message for a JSON gateway. */
export interface FuzzedFrame {
  /** `$EPOCH` stands for the epoch of the room, `$TOKEN` for a good token. */
  readonly text: string;
  readonly binary: boolean;
}

/** How many answers a message must and may get, and under which id. */
export interface Due {
  /** `undefined`: an error without an id. */
  readonly id: string | undefined;
  readonly least: 0 | 1;
  readonly most: 0 | 1;
}

const cursor = fc.constantFrom(
  ...['"$EPOCH.0"', '"$EPOCH.1"', '"$EPOCH.40"', '"$EPOCH.999999999"', '"$EPOCH.9007199254740993"', '"$EPOCH.-1"'],
  ...['"$EPOCH.1e3"', '"$EPOCH.01"', '"$EPOCH"', '"other.1"', '"."', '".1"'],
);
const types = [
  ...['message', 'note', 'echo', 'note', 'echo', 'join', 'leave', 'history', 'presence', 'ping', 'pong', 'auth'],
  ...['ack', 'joined', 'welcome', 'error', 'no-such-type', 'toString', '__proto__', 'constructor'],
];
const rooms = ['general', 'a', 'b', 'c', '@me', '@user', '.', '..', 'a/b', '', 'ä', '__proto__', 'constructor'];

/** What the fields that mean something may be, most often something that they may be. */
const values: Readonly<Record<string, fc.Arbitrary<string>>> = {
  type: often(fc.constantFrom(...types).map(quoted)),
  event: often(fc.constantFrom(...types).map(quoted)),
  id: often(fc.oneof(fc.uuid(), fc.constantFrom('a', 'b', 'x'.repeat(64), '\ud800', '__proto__')).map(quoted)),
  room: often(fc.constantFrom(...rooms).map(quoted)),
  since: often(cursor),
  before: often(cursor),
  after: often(fc.constantFrom('""', '"anon-"', '"~"')),
  limit: often(fc.constantFrom('1', '100', '101', '0', '-1', '1.5', '1e999', '"50"')),
  token: often(fc.constantFrom('"$TOKEN"', '"a.b.c"', '""')),
  text: often(anyText.map(quoted)),
};
const others = [
  'data',
  'user',
  'userId',
  'offset',
  'timestamp',
  '__proto__',
  'constructor',
  'toJSON',
  'then',
  'polluted',
];

const field = fc.oneof(
  ...Object.entries(values).map(([name, value]) => value.map((json) => `${quoted(name)}:${json}`)),
  fc.tuple(fc.constantFrom(...others), anyJson).map(([name, json]) => `${quoted(name)}:${json}`),
  fc.tuple(anyText, anyJson).map(([name, json]) => `${quoted(name)}:${json}`),
  anyJson.map((json) => `"\\u0074ype":${json}`),
);

/** Keys may come twice: the last one counts. */
const object = fc
  .tuple(
    fc.oneof(fieldOf('type'), fieldOf('type'), fieldOf('event'), fc.constant('')),
    fc.oneof(fieldOf('id'), fieldOf('id'), fc.constant('')),
    fc.array(field, { maxLength: 5 }),
  )
  .map(([type, id, more]) => `{${[type, id, ...more].filter((part) => part !== '').join(',')}}`);

/** One character of a good frame taken out, doubled or replaced, or its end cut off. */
const damaged = fc
  .tuple(object, fc.nat(), fc.constantFrom('out', 'twice', 'other', 'end'), fc.string({ maxLength: 1 }))
  .map(([text, position, kind, other]) => {
    const at = position % text.length;
    if (kind === 'end') return text.slice(0, at);
    const middle = kind === 'out' ? '' : kind === 'twice' ? text.slice(at, at + 1).repeat(2) : other;
    return text.slice(0, at) + middle + text.slice(at + 1);
  });

const huge = fc
  .tuple(fieldOf('type'), fieldOf('id'), fc.constantFrom(10_000, 30_000, 60_000))
  .map(([type, id, length]) => `{${type},${id},"text":"${'y'.repeat(length)}"}`);

/** Larger ones close the connection by a rule of their own (CL6). */
const MAX_FRAME_BYTES = 65_536;
/** What `$EPOCH` and `$TOKEN` may become, however often they stand there. */
const TOKEN_BYTES = 4_096;

export const fuzzedFrames: fc.Arbitrary<FuzzedFrame> = fc.record({
  text: fc
    .oneof(
      { weight: 70, arbitrary: object },
      { weight: 15, arbitrary: damaged },
      {
        weight: 10,
        arbitrary: fc.oneof(
          anyJson,
          anyText,
          object.map((text) => `\ufeff${text}`),
        ),
      },
      { weight: 2, arbitrary: huge },
    )
    .filter((text) => Buffer.byteLength(text) <= MAX_FRAME_BYTES - TOKEN_BYTES),
  binary: fc.integer({ min: 0, max: 40 }).map((n) => n === 0),
});

/** Says by FR5, CL2 and CL5 how a message must be answered: written anew from the document, without our codec. */
export function dueFor({ text, binary }: FuzzedFrame): Due {
  const value = binary ? undefined : parsed(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { id: undefined, least: 1, most: 1 };
  const { id, type, event, room } = value as Record<string, unknown>;
  if (id !== undefined && (typeof id !== 'string' || id.length < 1 || id.length > 64)) {
    return { id: undefined, least: 1, most: 1 };
  }
  if (type === 'pong' || (type === undefined && event === 'pong')) return { id, least: 0, most: 1 }; // 1: otherwise faulty.
  const faulty = (type !== undefined && typeof type !== 'string') || (room !== undefined && typeof room !== 'string');
  return { id, least: id !== undefined || faulty ? 1 : 0, most: 1 };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(overTheWire(text)) as unknown;
  } catch {
    return undefined; // No JSON.
  }
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function often(good: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ weight: 5, arbitrary: good }, { weight: 1, arbitrary: anyJson });
}

function fieldOf(name: string): fc.Arbitrary<string> {
  return (values[name] ?? anyJson).map((json) => `${quoted(name)}:${json}`);
}
