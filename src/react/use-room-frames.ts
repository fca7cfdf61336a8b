import { useCallback, useMemo, useSyncExternalStore } from 'react';
import type { GapEvent, RoomFrame } from '../client/index.js';
import { EMPTY, FrameList } from './frame-list.js';
import type { PendingFrame } from './frame-list.js';
import { useRealtimeClient } from './provider.js';
import type { RoomHandle } from './use-room.js';

/** How many frames {@link useRoomFrames} has. */
export interface RoomFramesOptions {
  /** Frames that are kept while others come; what `loadEarlier` brought is kept beside them. Default 500. */
  readonly keep?: number;
  /** Frames of any type that one question brings. Default 50, at most 100. */
  readonly page?: number;
}

/** The frames of one type, as a component shows them. The functions are the same ones in each render. */
export interface RoomFrames<Payload = unknown> {
  /** By offset, each once; those that are not stored stand where they came. */
  readonly frames: readonly RoomFrame<Payload>[];
  /** Own sends of this list whose frame has not come back yet, in their order: shown below `frames`. */
  readonly pending: readonly PendingFrame<Payload>[];
  /** The list began anew after frames were lost (RC2); what is still kept of them, `loadEarlier` brings. */
  readonly gap?: GapEvent;
  readonly hasEarlier: boolean;
  readonly isLoading: boolean;
  /** Why the last page could not be loaded. A first page is asked for again with the next `joined`. */
  readonly error?: Error;
  readonly loadEarlier: () => Promise<void>;
  /** Sends a frame of this type. What becomes of it stands in `pending`. */
  readonly send: (payload: Payload) => void;
  /** Sends again what failed, under the same id. */
  readonly retry: (id: string) => void;
  readonly discard: (id: string) => void;
}

/**
 * What most frontends show of a room: the newest page of history, then what comes, in order and each once through any
 * number of cuts, with own sends until they are back. Each call has a list of its own: pass it down instead of calling
 * it twice. `room` is what `useRoom` returned; its map types the list.
 */
export function useRoomFrames<Payloads extends object, Type extends keyof Payloads & string>(
  room: RoomHandle<Payloads>,
  type: Type,
  { keep = 500, page = 50 }: RoomFramesOptions = {},
): RoomFrames<Payloads[Type]> {
  const client = useRealtimeClient();
  const { name } = room;
  const list = useMemo(() => new FrameList({ client, name, type, keep, page }), [client, name, type, keep, page]);
  const view = useSyncExternalStore(
    useCallback((notify) => list.start(notify), [list]),
    () => list.view,
    () => EMPTY,
  );
  const actions = useMemo(
    () => ({
      loadEarlier: () => list.loadEarlier(),
      send: (payload: unknown) => list.send(payload),
      retry: (id: string) => list.retry(id),
      discard: (id: string) => list.discard(id),
    }),
    [list],
  );
  return useMemo(() => ({ ...view, ...actions }) as RoomFrames<Payloads[Type]>, [view, actions]);
}
