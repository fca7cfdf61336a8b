import type { Ancestor, BrokerMessage, HistoryPage, LatestPage, Position, PublishResult } from './broker.js';

const NEWLINE = 10;

/**
 * Reads what came on a room's channel: `<epoch> <offset> <except>`, a newline, the payload's bytes. `except` is empty
 * where nobody is left out; behind an offset above 0 stands a key in its place. The payload shares its memory with what
 * came.
 *
 * @returns undefined where it is no such message: somebody else published on the channel.
 */
export function decodeMessage(message: Buffer): BrokerMessage | undefined {
  const end = message.indexOf(NEWLINE);
  if (end < 0) return undefined;
  const header = message.toString('utf8', 0, end);
  const first = header.indexOf(' ');
  const second = header.indexOf(' ', first + 1);
  const offset = Number(header.slice(first + 1, second));
  if (first < 1 || second < first + 2 || !Number.isSafeInteger(offset) || offset < 0) return undefined;
  const payload = message.subarray(end + 1);
  const epoch = header.slice(0, first);
  const rest = second + 1 < header.length ? header.slice(second + 1) : undefined;
  if (rest !== undefined && offset > 0) return { payload, epoch, offset, except: undefined, key: rest };
  return { payload, epoch, offset, except: rest };
}

/** Reads a publish script's answer: `<1 where the dedupe key was known, else 0> <epoch> <offset>`. */
export function decodePublished(answer: unknown): PublishResult {
  const text = String(answer);
  const space = text.indexOf(' ', 2);
  const offset = Number(text.slice(space + 1));
  return {
    offset: offset === 0 ? undefined : offset,
    epoch: text.slice(2, space),
    duplicate: text.charCodeAt(0) === 0x31,
  };
}

/** Reads a position out of the four fields that scripts give for one: epoch, top, oldest, ancestors. */
export function decodePosition(fields: readonly unknown[], at = 0): Position {
  return {
    epoch: String(fields[at]),
    top: Number(fields[at + 1]),
    oldest: Number(fields[at + 2]),
    ancestors: decodeAncestors(String(fields[at + 3])),
  };
}

/** Reads the history script's answer: a position, then stream id and payload of each frame. */
export function decodeHistory(answer: readonly unknown[], ascending: boolean): HistoryPage {
  const frames = [];
  for (let i = 4; i + 1 < answer.length; i += 2) {
    // A stream id is `<offset>-0`.
    frames.push({ offset: Number.parseInt(String(answer[i]), 10), payload: answer[i + 1] as Buffer });
  }
  if (!ascending) frames.reverse();
  return { position: decodePosition(answer), frames };
}

/** Reads the script's answer that gives newest frames: a position, then key, version and payload of each. */
export function decodeLatest(answer: readonly unknown[]): LatestPage {
  const frames = [];
  for (let i = 4; i + 2 < answer.length; i += 3) {
    frames.push({ key: String(answer[i]), offset: Number(answer[i + 1]), payload: answer[i + 2] as Buffer });
  }
  return { position: decodePosition(answer), frames };
}

/** Reads `<epoch>:<top>` pairs with spaces between, newest first. */
function decodeAncestors(text: string): Ancestor[] {
  if (text === '') return [];
  return text.split(' ').map((pair) => {
    const colon = pair.indexOf(':');
    return { epoch: pair.slice(0, colon), top: Number(pair.slice(colon + 1)) };
  });
}
