import { useCallback, useSyncExternalStore } from 'react';
import type { ConnectionState } from '../client/index.js';
import { useRealtimeClient } from './provider.js';

const IDLE: ConnectionState = { status: 'idle' };

/** Where the connection is, rendered anew on each change and on nothing else. `idle` while a server renders. */
export function useConnection(): ConnectionState {
  const client = useRealtimeClient();
  const subscribe = useCallback((notify: () => void) => client.on('state', notify), [client]);
  return useSyncExternalStore(
    subscribe,
    () => client.state,
    () => IDLE,
  );
}
