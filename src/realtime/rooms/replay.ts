import { formatCursor } from '../../protocol/cursor.js';
import { offsetPrefix } from '../../protocol/codec.js';
import type { HistoryPage } from '../broker/broker.js';
import type { Clock } from '../clock.js';
import type { ChunkMessage } from '../connection/outbox.js';
import { LatestRoom } from './latest-room.js';
import type { Member } from './local-room.js';
import type { RealtimeEvents } from '../realtime.events.js';
import { continues, isRecoverable } from '../recovery/cursor-verdict.js';
import type { HistorySource } from '../recovery/shared-history.js';

/** How much of a replay is sent before the socket must have drained (RC5). */
export const REPLAY_CHUNK = { limit: 1_000, maxBytes: 256 * 1024 };

/** What is read before `joined` is kept until it is sent, by every room that is being joined: a short gap, no more. */
const FIRST_PAGE_BYTES = 16 * 1024;

/** The chunk, smaller where little may be queued: an answer to `history`, which is as large, must not make its asker slow. */
export function replayChunk(maxBufferedBytes: number): typeof REPLAY_CHUNK {
  if (maxBufferedBytes === 0) return REPLAY_CHUNK;
  return { ...REPLAY_CHUNK, maxBytes: Math.min(REPLAY_CHUNK.maxBytes, Math.floor(maxBufferedBytes / 2)) };
}

/** What is read to judge a cursor; the replay begins with it. */
export function firstPage(chunk: typeof REPLAY_CHUNK): typeof REPLAY_CHUNK {
  return { ...chunk, maxBytes: Math.min(chunk.maxBytes, FIRST_PAGE_BYTES) };
}

export interface ReplayParts {
  readonly events: RealtimeEvents;
  readonly source: HistorySource;
  readonly clock: Clock;
  readonly countMembers: (address: string) => Promise<number>;
  readonly chunk: typeof REPLAY_CHUNK;
}

/**
 * Sends a member what lies between its offset and the room's top, then makes it live, in the same turn in which both are
 * equal: nothing is lost and nothing repeated at the seam (RC1). What is published meanwhile is read from history, not
 * queued. If a frame that it owes is gone, the member is told by a second `joined` (RC5).
 *
 * One chunk is read and under way per connection, however many of its rooms are being replayed; they take turns.
 *
 * @param page What was read after the member's offset already.
 * @throws BrokerUnavailableError unavailable — history can't be read; what was sent stands.
 */
export async function replay(member: Member, parts: ReplayParts, page?: HistoryPage): Promise<void> {
  const { room, connection } = member;
  if (room instanceof LatestRoom) return room.show(member);
  if (connection.isReplaying) page = undefined; // Who waits for its turn, maybe for minutes, holds nothing.
  while (isUnderWay(member)) {
    if (goLive(member)) return;
    if (room.live && member.epoch === room.epoch && member.offset > room.top) {
      await room.repair('member'); // The member saw on another pod what is still on its way to this one.
      if (member.offset <= room.top) continue;
    }
    const first = page;
    page = undefined;
    if (!(await connection.replays.take(() => sendChunk(member, parts, first)))) await room.repair('member');
  }
}

/** Makes a member live that has everything. @returns whether it does. */
export function goLive(member: Member): boolean {
  const { room } = member;
  if (room instanceof LatestRoom || !isUnderWay(member)) return false;
  if (!room.live || member.epoch !== room.epoch || member.offset !== room.top) return false;
  room.attach(member);
  return true;
}

function isUnderWay({ room, connection, gone }: Member): boolean {
  return !gone && connection.open && !room.closed;
}

/** Reads and sends one chunk, and waits until the socket has drained. @returns whether the member came further. */
async function sendChunk(member: Member, parts: ReplayParts, first: HistoryPage | undefined): Promise<boolean> {
  if (!isUnderWay(member)) return true;
  const { connection, room } = member;
  const page = first ?? (await parts.source.history(room.at.address, { since: member.offset, ...parts.chunk }));
  if (!isUnderWay(member)) return true;
  if (!(await isOnTrack(member, page, parts))) return true;
  const messages = advance(member, page);
  if (messages.length === 0) return false;
  await connection.deliverChunk(messages, parts.clock.now());
  return true;
}

/** Tells the member where it stands if its epoch has ended or a frame that it is owed is gone. @returns whether none is. */
async function isOnTrack(member: Member, page: HistoryPage, parts: ReplayParts): Promise<boolean> {
  const { position } = page;
  const recovered = isRecoverable(member, position) && continues(member, page);
  if (recovered && position.epoch === member.epoch) return true;
  const members = await parts.countMembers(member.room.at.address).catch(() => 0);
  if (member.gone) return false;
  member.epoch = position.epoch;
  if (!recovered) {
    member.offset = position.top;
    tellGap(member, parts.events);
  }
  member.connection.sendFrame({
    type: 'joined',
    room: member.room.at.room,
    cursor: formatCursor(member.epoch, member.offset),
    recovered,
    members,
  });
  return recovered;
}

/** Tells who listens that a member lost what it had not seen. */
export function tellGap({ connection, room }: Member, events: RealtimeEvents): void {
  const { id, identity } = connection;
  events.emit('gapTold', { address: room.at.address, connections: 1, connection: id, userId: identity.id });
}

/** Takes the member as far as the page and the room go. @returns what it is to be sent. */
function advance(member: Member, page: HistoryPage): ChunkMessage[] {
  const messages: ChunkMessage[] = [];
  for (const { offset, payload } of page.frames) {
    // Not past what the room's live members have: the rest reaches this one together with them.
    if (offset > member.room.top || member.gone) break;
    if (offset !== member.offset + 1) continue;
    messages.push({ payload, prefix: offsetPrefix(offset) });
    member.offset = offset;
  }
  return messages;
}
