import { parseCursor } from '../../../src/protocol/index.js';
import type { LedgerEntry } from './entries.js';

export interface VerdictOptions {
  /**
   * Whether a client that was told of a gap is excused for the frames in it. Default `false`: a gap is a fault, as where
   * no data is lost and history reaches back far enough.
   */
  readonly excuseGaps?: boolean;
}

type Of<Kind extends LedgerEntry['kind']> = Extract<LedgerEntry, { kind: Kind }>;

/**
 * Compares what every client's application saw with what was acknowledged. One sentence for each thing that is wrong; of
 * each client in each room the first one alone, for what comes after it follows from it. Empty: each client saw exactly
 * what was acknowledged after its first cursor, each frame once, in the order of the offsets.
 */
export function judge(entries: readonly LedgerEntry[], options: VerdictOptions = {}): string[] {
  const stored = storedFrames(entries);
  return [
    ...accidents(entries),
    ...unsettled(entries),
    ...faultsOfNumbering(stored),
    ...sendersOutOfOrder(entries),
    ...readers(entries).flatMap((reader) => differenceOf(reader, stored.get(reader.room) ?? new Map(), options) ?? []),
  ];
}

/** Acknowledged frames by room and offset; more than one at an offset is a fault, or the mark of another epoch. */
type Stored = Map<number, Of<'sent'>[]>;

function storedFrames(entries: readonly LedgerEntry[]): Map<string, Stored> {
  const sent = new Map(ofKind(entries, 'sent').map((entry) => [entry.id, entry]));
  const rooms = new Map<string, Stored>();
  for (const { client, room, id, offset } of ofKind(entries, 'acknowledged')) {
    const frames = rooms.get(room) ?? new Map<number, Of<'sent'>[]>();
    rooms.set(room, frames);
    const frame = sent.get(id) ?? { kind: 'sent', client, room, id, text: 'nobody sent this' };
    frames.set(offset, [...(frames.get(offset) ?? []), frame]);
  }
  return rooms;
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

/** Every offset up to the highest belongs to one frame, and somebody was told so. */
function faultsOfNumbering(rooms: Map<string, Stored>): string[] {
  return [...rooms].flatMap(([room, stored]) => {
    const faults: string[] = [];
    for (const [offset, frames] of stored) {
      if (frames.length > 1) faults.push(`${room}: ${offset} was acknowledged for ${frames.map(named).join(' and ')}`);
    }
    const top = topOf(stored);
    for (let offset = 1; offset < top; offset += 1) {
      if (!stored.has(offset)) faults.push(`${room}: ${offset} was acknowledged for no frame, and ${top} was`);
    }
    return faults;
  });
}

/**
 * The frames of one client are stored in the order in which it sent them (OR3); one that was refused for now counts as
 * sent when it is sent again, and keeps no place.
 */
function sendersOutOfOrder(entries: readonly LedgerEntry[]): string[] {
  const offsets = new Map(ofKind(entries, 'acknowledged').map(({ id, offset }) => [id, offset]));
  const refused = new Set(ofKind(entries, 'refused').map(({ id }) => id));
  const last = new Map<string, Of<'sent'>>();
  return ofKind(entries, 'sent').flatMap((frame) => {
    if (refused.has(frame.id)) return [];
    const place = `${frame.client} in ${frame.room}`;
    const before = last.get(place);
    last.set(place, frame);
    const offset = offsets.get(frame.id);
    const earlier = before && offsets.get(before.id);
    if (!before || offset === undefined || earlier === undefined || earlier < offset) return [];
    return `${place}: it sent ${named(before)}, then ${named(frame)}, and they were stored as ${earlier} and ${offset}`;
  });
}

/** What one client was told in one room, in order. */
interface Reader {
  readonly client: string;
  readonly room: string;
  readonly told: (Of<'joined'> | Of<'seen'> | Of<'gap'>)[];
}

function readers(entries: readonly LedgerEntry[]): Reader[] {
  const all = new Map<string, Reader>();
  for (const entry of entries) {
    if (entry.kind !== 'joined' && entry.kind !== 'seen' && entry.kind !== 'gap') continue;
    const { client, room } = entry;
    const place = `${client}\n${room}`;
    const reader = all.get(place) ?? { client, room, told: [] };
    all.set(place, reader);
    reader.told.push(entry);
  }
  return [...all.values()];
}

/** The first difference between what a reader saw and what was stored; `undefined`: there is none. */
function differenceOf({ client, room, told }: Reader, stored: Stored, options: VerdictOptions): string | undefined {
  const who = `${client} in ${room}`;
  const seen = new Set<number>();
  let at: number | undefined;
  for (const [index, entry] of told.entries()) {
    if (entry.kind === 'joined') at ??= parseCursor(entry.cursor)?.offset;
    else if (entry.kind === 'gap') {
      if (!options.excuseGaps) return `${who}: it was told of a gap after ${at}, to ${entry.cursor}`;
      at = parseCursor(entry.cursor)?.offset;
    } else {
      if (at === undefined) return `${who}: it saw ${entry.offset} ${named(entry)} before it was in the room`;
      if (seen.has(entry.offset) && entry.offset <= at) return `${who}: it saw ${entry.offset} ${named(entry)} twice`;
      const wrong = wrongWith(entry, at, stored, told.slice(index + 1));
      if (wrong) return `${who}: after ${at} ${wrong}`;
      at = entry.offset;
      seen.add(at);
    }
  }
  const top = topOf(stored);
  if (at === undefined || at >= top) return undefined;
  return `${who}: it saw nothing after ${at}, lost are ${top - at} frames from ${nameAt(stored, at + 1)} on`;
}

function wrongWith(entry: Of<'seen'>, at: number, stored: Stored, later: readonly LedgerEntry[]): string | undefined {
  const what = `it saw ${entry.offset} ${named(entry)}`;
  const frames = stored.get(entry.offset);
  if (!frames) return `${what}, which was never acknowledged`;
  if (!frames.some(({ id, text }) => id === entry.id && text === entry.text)) {
    return `${what}, and acknowledged was ${nameAt(stored, entry.offset)}`;
  }
  if (entry.offset === at + 1) return undefined;
  if (entry.offset <= at) return `${what}, out of order`;
  const cameLater = ofKind(later, 'seen').some(({ offset }) => offset === at + 1);
  return `${what}, and ${nameAt(stored, at + 1)} ${cameLater ? 'came later, out of order' : 'was lost'}`;
}

function nameAt(stored: Stored, offset: number): string {
  return `${offset} ${stored.get(offset)?.map(named).join(' and ') ?? '(acknowledged for no frame)'}`;
}

function named({ id, text }: { readonly id: string; readonly text: string }): string {
  return `"${text.slice(0, 40)}" (${id})`;
}

function topOf(stored: Stored): number {
  return Math.max(0, ...stored.keys());
}

function ofKind<Kind extends LedgerEntry['kind']>(entries: readonly LedgerEntry[], kind: Kind): Of<Kind>[] {
  return entries.filter((entry): entry is Of<Kind> => entry.kind === kind);
}
