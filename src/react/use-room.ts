import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { RealtimeClientError } from '../client/index.js';
import type { ClientRoom, PayloadMap, RealtimeClient, RoomEvent, RoomEvents } from '../client/index.js';
import { useRealtimeClient } from './provider.js';
import { UNUSED, enterRoom, findRoom } from './shared-room.js';
import type { RoomView, SharedRoom } from './shared-room.js';

/** Handlers by the types of frames, and by the names of the room's own events. */
export type RoomHandlers<Payloads extends object> = {
  readonly [Name in keyof RoomEvents | (keyof Payloads & string)]?: (event: RoomEvent<Payloads, Name>) => void;
};

/**
 * A room as a component has it. The functions are the same ones in each render, and do what {@link ClientRoom}'s do.
 * `cursor` is not among it: it moves with each frame, and a component that shows frames has them.
 */
export interface RoomHandle<Payloads extends object = PayloadMap> extends RoomView {
  readonly name: string;
  readonly send: ClientRoom<Payloads>['send'];
  readonly history: ClientRoom<Payloads>['history'];
  readonly presence: ClientRoom<Payloads>['presence'];
  /** Tries to be a member again after `left`; does nothing otherwise. */
  readonly rejoin: () => void;
}

/** Effects of layout run in the commit itself, so no frame comes in between. React 18 warns of them on servers. */
const useCommitEffect = typeof document === 'object' ? useLayoutEffect : useEffect;

/**
 * A room, joined while the component is mounted; components that name the same room share it. After the last one it is
 * left within a second, and sends that have not left the client by then reject with `left`.
 *
 * Handlers are called for each frame that comes while the component is mounted, always those of its last render. For
 * frames that came before see `useRoomFrames`. A map of payloads types all of it: `const useChat = useRoom<ChatFrames>`.
 */
export function useRoom<Payloads extends object = PayloadMap>(
  name: string,
  handlers: RoomHandlers<Payloads> = {},
): RoomHandle<Payloads> {
  const client = useRealtimeClient();
  useHandlers(client, name, handlers as Handlers);
  const view = useRoomSnapshot(client, name, viewOf);
  const actions = useMemo(() => actionsOf(client, name), [client, name]);
  return useMemo(() => ({ name, ...view, ...actions }), [name, view, actions]);
}

/** What `read` gives of the room while the component is mounted, and of none before that. @internal */
export function useRoomSnapshot<Snapshot>(
  client: RealtimeClient,
  name: string,
  read: (room: SharedRoom | undefined) => Snapshot,
  entered?: (room: SharedRoom) => void,
): Snapshot {
  const subscribe = useCallback(
    (notify: () => void) => {
      const room = enterRoom(client, name);
      const unwatch = room.watch(notify);
      entered?.(room);
      return () => {
        unwatch();
        room.exit();
      };
    },
    [client, name, entered],
  );
  return useSyncExternalStore(
    subscribe,
    () => read(findRoom(client, name)),
    () => read(undefined),
  );
}

const viewOf = (room: SharedRoom | undefined): RoomView => room?.view ?? UNUSED;

type Handlers = Readonly<Record<string, ((event: unknown) => void) | undefined>>;

function useHandlers(client: RealtimeClient, name: string, handlers: Handlers): void {
  const latest = useRef(handlers);
  useCommitEffect(() => {
    latest.current = handlers;
  });
  const names = Object.keys(handlers).sort().join('\n');
  useCommitEffect(() => {
    const room = enterRoom(client, name);
    const events = names.split('\n').filter((event) => event !== '');
    const ends = events.map((event) => room.on(event, (frame) => latest.current[event]?.(frame)));
    return () => {
      for (const end of ends) end();
      room.exit();
    };
  }, [client, name, names]);
}

function actionsOf(client: RealtimeClient, name: string): Omit<RoomHandle, keyof RoomView | 'name'> {
  const call = <Result>(action: (room: ClientRoom) => Promise<Result>): Promise<Result> => {
    const room = findRoom(client, name)?.room;
    if (room) return action(room);
    return Promise.reject(
      new RealtimeClientError('left', `no mounted component uses ${name}; call this in an effect or a handler`),
    );
  };
  return {
    send: (type, payload, options) => call((room) => room.send(type, payload, options)),
    history: (range) => call((room) => room.history(range)),
    presence: (page) => call((room) => room.presence(page)),
    rejoin: () => findRoom(client, name)?.rejoin(),
  };
}
