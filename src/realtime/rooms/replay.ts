import { formatCursor } from '../../protocol/cursor.js';
import { offsetPrefix } from '../../protocol/codec.js';
import type { Broker, HistoryPage } from '../broker/broker.js';
import { encodeTextMessage } from '../connection/ws-frame.js';
import type { Member } from './local-room.js';
import { continues, isRecoverable } from '../recovery/cursor-verdict.js';

/** How much of a replay is sent before the socket must have drained (RC5). */
export const REPLAY_CHUNK = { limit: 1_000, maxBytes: 256 * 1024 };

/** The chunk for readers of whom less may be queued than a chunk has: two must fit, so that none counts as slow. */
export function replayChunk(maxBufferedBytes: number): typeof REPLAY_CHUNK {
  if (maxBufferedBytes === 0) return REPLAY_CHUNK;
  return { ...REPLAY_CHUNK, maxBytes: Math.min(REPLAY_CHUNK.maxBytes, Math.floor(maxBufferedBytes / 2)) };
}

export interface ReplayParts {
  readonly broker: Broker;
  readonly countMembers: (address: string) => Promise<number>;
  readonly chunk: typeof REPLAY_CHUNK;
}

/**
 * Sends a member what lies between its offset and the room's top, then makes it live, in the same turn in which both are
 * equal: nothing is lost and nothing repeated at the seam (RC1). What is published meanwhile is read from history, not
 * queued. If a frame that it owes is gone, the member is told by a second `joined` (RC5).
 *
 * @throws BrokerUnavailableError unavailable — history can't be read; what was sent stands.
 */
export async function replay(member: Member, parts: ReplayParts, first?: HistoryPage): Promise<void> {
  const { room, connection } = member;
  let page = first;
  while (!member.gone && connection.open && !room.closed) {
    if (room.live && member.epoch === room.epoch && member.offset === room.top) {
      room.attach(member);
      return;
    }
    if (room.live && member.epoch === room.epoch && member.offset > room.top) {
      await room.repair(); // The member saw on another pod what is still on its way to this one.
      if (member.offset <= room.top) continue;
    }
    page ??= await parts.broker.history(room.at.address, { since: member.offset, ...parts.chunk });
    if (!(await send(member, page, parts))) await room.repair();
    page = undefined;
    await connection.outbox.drained();
  }
}

/** @returns whether the member came further. */
async function send(member: Member, page: HistoryPage, parts: ReplayParts): Promise<boolean> {
  const { position } = page;
  const recovered = isRecoverable(member, position) && continues(member, page);
  if (!recovered || position.epoch !== member.epoch) {
    const members = await parts.countMembers(member.room.at.address).catch(() => 0);
    member.epoch = position.epoch;
    if (!recovered) member.offset = position.top;
    member.connection.sendFrame({
      type: 'joined',
      room: member.room.at.room,
      cursor: formatCursor(member.epoch, member.offset),
      recovered,
      members,
    });
    if (!recovered) return true;
  }
  const before = member.offset;
  for (const frame of page.frames) {
    // Not past what the room's live members have: the rest reaches this one together with them.
    if (frame.offset > member.room.top || member.gone) break;
    if (frame.offset !== member.offset + 1) continue;
    member.connection.deliver(encodeTextMessage(frame.payload, offsetPrefix(frame.offset)));
    member.offset = frame.offset;
  }
  return member.offset > before;
}
