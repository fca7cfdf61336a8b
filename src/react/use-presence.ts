import type { FrameUser } from '../client/index.js';
import { useRealtimeClient } from './provider.js';
import { NOBODY } from './shared-room.js';
import type { SharedRoom } from './shared-room.js';
import { useRoomSnapshot } from './use-room.js';

/**
 * Who is in a room, at most the first 100 and those who came since: asked for once, then kept by what the room tells,
 * and asked for again where it differs from `members`. `members` of `useRoom` counts all. Joins like `useRoom`.
 */
export function usePresence(name: string): readonly FrameUser[] {
  return useRoomSnapshot(useRealtimeClient(), name, usersOf, keepRoster);
}

const usersOf = (room: SharedRoom | undefined): readonly FrameUser[] => room?.users ?? NOBODY;
const keepRoster = (room: SharedRoom): void => room.keepRoster();
