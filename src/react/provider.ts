import { createContext, createElement, useContext } from 'react';
import type { FunctionComponentElement, ProviderProps, ReactNode } from 'react';
import type { PayloadMap, RealtimeClient } from '../client/index.js';

const ClientContext = createContext<RealtimeClient | undefined>(undefined);

/** What {@link RealtimeProvider} takes. */
export interface RealtimeProviderProps<Payloads extends object> {
  /** Made outside of components, or once in a state: it outlives them. Nobody here connects or closes it. */
  readonly client: RealtimeClient<Payloads>;
  readonly children?: ReactNode;
}

/** Gives the hooks below it their client. */
export function RealtimeProvider<Payloads extends object = PayloadMap>({
  client,
  children,
}: RealtimeProviderProps<Payloads>): FunctionComponentElement<ProviderProps<RealtimeClient | undefined>> {
  // The map of payloads exists for the compiler alone; each hook says its own.
  return createElement(ClientContext.Provider, { value: client as unknown as RealtimeClient }, children);
}

/**
 * The client of the nearest {@link RealtimeProvider}, for what no hook does.
 *
 * @throws Error where there is none above.
 */
export function useRealtimeClient<Payloads extends object = PayloadMap>(): RealtimeClient<Payloads> {
  const client = useContext(ClientContext);
  if (client) return client as unknown as RealtimeClient<Payloads>;
  throw new Error(
    'expected a RealtimeProvider above this component, found none; put <RealtimeProvider client={…}> there',
  );
}
