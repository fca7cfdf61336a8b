import { parseCursor } from '../../../src/protocol/index.js';
import type { LedgerEntry } from './entries.js';
import type { StoredRooms } from './numbering.js';

/** What a run amounts to: whether it proves anything is seen here. */
export interface LedgerFigures {
  acknowledged: number;
  /** Acknowledged frames that Redis has no more. */
  lost: number;
  /** Those of them whose sender was told of no gap afterwards: it had not seen them yet. */
  untold: number;
  /** Times a client was told that frames of a room are lost. */
  gaps: number;
  /** Epochs of rooms that Redis began. */
  epochs: number;
  /** Stored frames that applications saw. */
  deliveries: number;
  /** Connections that were lost, by close code. */
  readonly cuts: Record<number, number>;
  /** Rooms that were joined again where they had been left. */
  recoveredJoins: number;
  /** Frames that had been acknowledged, and which a client got only when it came back. */
  replayed: number;
  /** Sends that went over a connection more than once, each time counted. */
  resends: number;
  /** Those of them that the server had already. */
  resendsOfStored: number;
  /** Frames that the server refused for now, by error code, each time counted. */
  readonly refusals: Record<string, number>;
  /** Tokens that were asked for while connected. */
  refreshes: number;
}

/** Counts them. `rooms`: what Redis has in the end. */
export function figuresOf(entries: readonly LedgerEntry[], rooms: StoredRooms): LedgerFigures {
  const figures: LedgerFigures = {
    acknowledged: 0,
    lost: 0,
    untold: 0,
    gaps: 0,
    epochs: 0,
    deliveries: 0,
    cuts: {},
    recoveredJoins: 0,
    replayed: 0,
    resends: 0,
    resendsOfStored: 0,
    refusals: {},
    refreshes: 0,
  };
  const kept = new Set([...rooms.values()].flatMap(({ frames }) => [...frames.values()].map(({ id }) => id)));
  const stored = new Set<string>();
  const tops = new Map<string, number>();
  const lastGap = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === 'gap') lastGap.set(`${entry.client}\n${entry.room}`, index);
  }
  for (const [index, entry] of entries.entries()) {
    if (entry.kind === 'acknowledged') {
      figures.acknowledged += 1;
      if (!kept.has(entry.id)) {
        figures.lost += 1;
        if (index > (lastGap.get(`${entry.client}\n${entry.room}`) ?? -1)) figures.untold += 1;
      }
      stored.add(entry.id);
      tops.set(entry.room, Math.max(entry.offset, tops.get(entry.room) ?? 0));
    } else if (entry.kind === 'seen') {
      figures.deliveries += 1;
      stored.add(entry.id);
    } else if (entry.kind === 'joined' && entry.recovered === true) {
      figures.recoveredJoins += 1;
      figures.replayed += Math.max(0, (tops.get(entry.room) ?? 0) - (parseCursor(entry.cursor)?.offset ?? 0));
    } else if (entry.kind === 'resent') {
      figures.resends += 1;
      if (stored.has(entry.id)) figures.resendsOfStored += 1;
    } else if (entry.kind === 'refused') {
      figures.refusals[entry.code] = (figures.refusals[entry.code] ?? 0) + 1;
    } else if (entry.kind === 'disconnected') {
      figures.cuts[entry.code] = (figures.cuts[entry.code] ?? 0) + 1;
    } else if (entry.kind === 'refreshed') figures.refreshes += 1;
    else if (entry.kind === 'gap') figures.gaps += 1;
    else if (entry.kind === 'numbered') figures.epochs += 1;
  }
  return figures;
}
