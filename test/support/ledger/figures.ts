import { parseCursor } from '../../../src/protocol/index.js';
import type { LedgerEntry } from './entries.js';

/** What a run amounts to: whether it proves anything is seen here. */
export interface LedgerFigures {
  acknowledged: number;
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

/** Counts them. */
export function figuresOf(entries: readonly LedgerEntry[]): LedgerFigures {
  const figures: LedgerFigures = {
    acknowledged: 0,
    deliveries: 0,
    cuts: {},
    recoveredJoins: 0,
    replayed: 0,
    resends: 0,
    resendsOfStored: 0,
    refusals: {},
    refreshes: 0,
  };
  const stored = new Set<string>();
  const tops = new Map<string, number>();
  for (const entry of entries) {
    if (entry.kind === 'acknowledged') {
      figures.acknowledged += 1;
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
  }
  return figures;
}
