import { spliceOffset } from '../../protocol/codec.js';
import { formatCursor, parseCursor } from '../../protocol/cursor.js';
import type { Broker, HistoryRange, StoredMessage } from '../broker/broker.js';
import { FrameError } from '../realtime.errors.js';
import { isGoodCursor } from './cursor-verdict.js';

/** Which part of the history is asked for (CL4). At most one of `before` and `since`. */
export interface HistoryRequest {
  readonly before?: string | undefined;
  readonly since?: string | undefined;
  /** Default 50, at most 100. */
  readonly limit?: number | undefined;
  /** Bytes of the answer. Default and most: 256 KiB. */
  readonly maxBytes?: number | undefined;
}

export interface HistoryAnswer {
  /** JSON texts, ascending by offset. */
  readonly frames: readonly string[];
  /** Goes on in the direction that was asked for. */
  readonly cursor: string;
  /** Nothing more is retained in that direction. */
  readonly complete: boolean;
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 100;
const MAX_BYTES = 256 * 1024;

/**
 * Reads history as CL4 tells it.
 *
 * @throws FrameError not_found — the cursor is malformed, future, or of an epoch that the room does not know.
 * @throws FrameError invalid_payload — both cursors, or a limit that is none.
 * @throws BrokerUnavailableError unavailable
 */
export async function readHistory(broker: Broker, address: string, request: HistoryRequest): Promise<HistoryAnswer> {
  const { before, since } = request;
  if (before !== undefined && since !== undefined) {
    throw new FrameError('invalid_payload', 'expected at most one of "before" and "since"');
  }
  const given = since ?? before;
  const cursor = parseCursor(given);
  if (given !== undefined && !cursor) throw noSuchCursor();
  const range: HistoryRange = {
    limit: limitOf(request.limit),
    maxBytes: Math.min(MAX_BYTES, request.maxBytes ?? MAX_BYTES),
    ...(cursor ? (since === undefined ? { before: cursor.offset } : { since: cursor.offset }) : {}),
  };
  const { position, frames } = await broker.history(address, range);
  if (cursor && !isGoodCursor(cursor, position)) throw noSuchCursor();
  const forward = since !== undefined;
  const edge = forward ? frames.at(-1)?.offset : frames[0] && frames[0].offset - 1;
  return {
    frames: frames.map(textOf),
    cursor:
      edge === undefined ? (given ?? formatCursor(position.epoch, position.top)) : formatCursor(position.epoch, edge),
    complete: edge === undefined || (forward ? edge >= position.top : edge < position.oldest),
  };
}

function textOf(message: StoredMessage): string {
  return spliceOffset(message.payload.toString(), message.offset);
}

function limitOf(limit: unknown): number {
  if (limit === undefined) return DEFAULT_LIMIT;
  if (typeof limit === 'number' && Number.isInteger(limit) && limit >= 1) return Math.min(limit, MAX_LIMIT);
  throw new FrameError('invalid_payload', 'limit: expected a whole number from 1 to 100');
}

function noSuchCursor(): FrameError {
  return new FrameError('not_found', 'the cursor is not one of this room: ask without it for the newest frames');
}
