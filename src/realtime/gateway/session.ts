import type { Connection } from '../connection/connection.js';
import type { Turns } from '../connection/turns.js';
import type { ErrorBudget } from '../limits/error-budget.js';
import type { RateLimiter } from '../limits/rate-limiter.js';
import type { Memberships } from '../rooms/memberships.js';
import type { GatewayBinding } from './gateway-binding.js';
import type { Lanes } from './lanes.js';

/** A handler as Nest bound it to one connection: guards, pipes, interceptors and filters included. */
export type BoundHandler = (...args: unknown[]) => unknown;

/** What belongs to one connection while it lives. */
export interface Session {
  readonly connection: Connection;
  readonly gateway: GatewayBinding;
  readonly memberships: Memberships;
  readonly lanes: Lanes;
  readonly limiter: RateLimiter;
  readonly errors: ErrorBudget;
  /** Of WebSocket pings and `ping`, `pong`, `auth` frames. */
  readonly controls: ErrorBudget;
  /** The room of the connection's path, by the name that frames use. */
  readonly pathRoom: string | undefined;
  /** Where each stands is said by the gateway, once for all connections: see {@link handlerOf}. */
  handlers: readonly BoundHandler[];
  /** Its questions for history: one is answered at a time. */
  readonly historyTurns: Turns;
}

/** The handler of a type, bound to the session's connection. */
export function handlerOf({ gateway, handlers }: Session, type: string): BoundHandler | undefined {
  const place = gateway.handlerPlaces?.get(type);
  return place === undefined ? undefined : handlers[place];
}
