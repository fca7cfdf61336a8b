import type { LedgerEntry } from './entries.js';
import type { StoredRoom, StoredRooms } from './numbering.js';
import { Reader, named } from './reader.js';
import type { RoomKnowledge } from './reader.js';
import { Survival } from './survival.js';

type Of<Kind extends LedgerEntry['kind']> = Extract<LedgerEntry, { kind: Kind }>;

/**
 * Compares what every client's application saw with what was acknowledged, and with what Redis has in the end. One
 * sentence for each thing that is wrong; of each client in each room the first one alone, for what comes after it follows
 * from it. Empty: each client saw exactly what was stored after its first cursor, each frame once, in the order of the
 * offsets; whatever else it saw, or did not see, lies before a gap that it was told of, and the gap was true.
 */
export function judge(entries: readonly LedgerEntry[], rooms: StoredRooms): string[] {
  return [
    ...accidents(entries),
    ...unsettled(entries),
    ...[...rooms].flatMap(([room, stored]) => faultsOfRoom(room, stored, entries)),
  ];
}

/** What must not happen whatever is cut. */
function accidents(entries: readonly LedgerEntry[]): string[] {
  return entries.flatMap((entry) => {
    if (entry.kind === 'crashed') return `${entry.client}: ${entry.message}`;
    if (entry.kind === 'left') return `${entry.client} was put out of ${entry.room}: ${entry.reason}`;
    if (entry.kind === 'rejected')
      return `${entry.client} in ${entry.room}: the send ${entry.id} was rejected with ${entry.code}`;
    if (entry.kind === 'disconnected' && !entry.comesBack)
      return `${entry.client} gave up after ${entry.code} ${entry.reason}`;
    return [];
  });
}

function unsettled(entries: readonly LedgerEntry[]): string[] {
  const settled = new Set([...ofKind(entries, 'acknowledged'), ...ofKind(entries, 'rejected')].map(({ id }) => id));
  return ofKind(entries, 'sent')
    .filter(({ id }) => !settled.has(id))
    .map((frame) => `${frame.client} in ${frame.room}: ${named(frame)} was neither acknowledged nor rejected`);
}

function faultsOfRoom(room: string, stored: StoredRoom, all: readonly LedgerEntry[]): string[] {
  const entries = all.filter((entry) => 'room' in entry && entry.room === room);
  const sent = new Map(ofKind(entries, 'sent').map((entry) => [entry.id, entry]));
  const offsets = new Map([...stored.frames].map(([offset, { id }]) => [id, offset]));
  const survival = new Survival(entries);
  return [
    ...faultsOfNumbering(room, stored, sent),
    ...lostWithoutReason(room, offsets, entries, sent),
    ...sendersOutOfOrder(room, offsets, entries, ofKind(all, 'refused').length > 0),
    ...faultsOfReaders(room, stored, entries, survival),
  ];
}

/** Every offset up to the highest belongs to one frame, as it was sent, and no frame has two. */
function faultsOfNumbering(room: string, { top, frames }: StoredRoom, sent: Map<string, Of<'sent'>>): string[] {
  const faults: string[] = [];
  const first = new Map<string, number>();
  for (let offset = 1; offset <= Math.max(top, ...frames.keys()); offset += 1) {
    const frame = frames.get(offset);
    const what = `${room}: ${offset}`;
    if (!frame) {
      faults.push(`${what} has no frame, and the top is ${top}`);
      continue;
    }
    const twice = first.get(frame.id);
    if (twice !== undefined) faults.push(`${what} is ${named(frame)}, and so is ${twice}`);
    first.set(frame.id, offset);
    if (sent.get(frame.id)?.text !== frame.text) faults.push(`${what} is ${named(frame)}, which nobody sent so`);
    if (offset > top) faults.push(`${what} is ${named(frame)}, above the top ${top}`);
  }
  return faults;
}

/**
 * What was acknowledged is where it was acknowledged. Where Redis lost it, or a master that was replaced while it hung
 * acknowledged it until it learned of that: its sender was told of the gap, or sent it again.
 */
function lostWithoutReason(
  room: string,
  offsets: Map<string, number>,
  entries: readonly LedgerEntry[],
  sent: Map<string, Of<'sent'>>,
): string[] {
  const toldAt = new Map<string, number>();
  const resentAt = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === 'gap') toldAt.set(entry.client, index);
    else if (entry.kind === 'resent') resentAt.set(entry.id, index);
  }
  const isAfter = (index: number, at: number | undefined): boolean => at !== undefined && at > index;
  return entries.flatMap((entry, index) => {
    if (entry.kind !== 'acknowledged') return [];
    const { client, id, offset } = entry;
    const frame = sent.get(id);
    const what = `${room}: ${frame ? named(frame) : id} of ${client} was acknowledged as ${offset}`;
    if (!frame) return `${what}, and nobody sent it`;
    const now = offsets.get(id);
    if (now === offset || isAfter(index, toldAt.get(client))) return [];
    if (now === undefined) return `${what}, and is gone, of which it was not told`;
    return isAfter(index, resentAt.get(id)) ? [] : `${what}, and is ${now}`;
  });
}

/**
 * The frames of one client are stored in the order in which it sent them (OR3); one that was refused for now counts as
 * sent when it is sent again, and keeps no place.
 */
function sendersOutOfOrder(
  room: string,
  offsets: Map<string, number>,
  entries: readonly LedgerEntry[],
  areRefused: boolean,
): string[] {
  const placeless = placelessFrames(offsets, entries, areRefused);
  const last = new Map<string, Of<'sent'>>();
  return ofKind(entries, 'sent').flatMap((frame) => {
    const offset = offsets.get(frame.id);
    if (offset === undefined || placeless.has(frame.id)) return [];
    const before = last.get(frame.client);
    last.set(frame.client, frame);
    const earlier = before && offsets.get(before.id);
    if (!before || earlier === undefined || earlier < offset) return [];
    const order = `they were stored as ${earlier} and ${offset}`;
    return `${frame.client} in ${room}: it sent ${named(before)}, then ${named(frame)}, and ${order}`;
  });
}

/**
 * The frames that were refused for now, or acknowledged and lost with their master. Where frames are refused, an answer
 * that says so may be lost with the connection: what was sent again before anybody had seen it may be one of them too.
 * Whoever saw it at another offset saw what Redis lost since.
 */
function placelessFrames(
  offsets: ReadonlyMap<string, number>,
  entries: readonly LedgerEntry[],
  areRefused: boolean,
): Set<string> {
  const placeless = new Set<string>();
  const seen = new Set<string>();
  for (const entry of entries) {
    if (entry.kind === 'seen' && offsets.get(entry.id) === entry.offset) seen.add(entry.id);
    else if (entry.kind === 'refused') placeless.add(entry.id);
    else if (entry.kind === 'acknowledged' && offsets.get(entry.id) !== entry.offset) placeless.add(entry.id);
    else if (entry.kind === 'resent' && areRefused && !seen.has(entry.id)) placeless.add(entry.id);
  }
  return placeless;
}

function faultsOfReaders(
  room: string,
  stored: StoredRoom,
  entries: readonly LedgerEntry[],
  survival: Survival,
): string[] {
  const acknowledged = new Map<number, string[]>();
  for (const { id, offset } of ofKind(entries, 'acknowledged')) {
    acknowledged.set(offset, [...(acknowledged.get(offset) ?? []), id]);
  }
  const texts = new Map(ofKind(entries, 'sent').map(({ id, text }) => [id, text]));
  const known: RoomKnowledge = { room, stored, survival, texts, acknowledged, witnessed: new Map() };
  const readers = new Map<string, Reader>();
  for (const entry of entries) {
    if (entry.kind !== 'joined' && entry.kind !== 'seen' && entry.kind !== 'gap') continue;
    const reader = readers.get(entry.client) ?? new Reader(entry.client, known);
    readers.set(entry.client, reader);
    reader.take(entry);
  }
  return [...readers.values()].flatMap((reader) => reader.verdict() ?? []);
}

function ofKind<Kind extends LedgerEntry['kind']>(entries: readonly LedgerEntry[], kind: Kind): Of<Kind>[] {
  return entries.filter((entry): entry is Of<Kind> => entry.kind === kind);
}
