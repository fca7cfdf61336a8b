import type { Connection } from '../connection/connection.js';
import { Turns } from '../connection/turns.js';
import type { Place } from '../limits/connection-limits.js';
import { ErrorBudget } from '../limits/error-budget.js';
import { RateLimiter } from '../limits/rate-limiter.js';
import type { ResolvedOptions } from '../realtime.options.js';
import { Memberships } from '../rooms/memberships.js';
import type { GatewayBinding } from './gateway-binding.js';
import { Lanes } from './lanes.js';
import type { LanesOwner } from './lanes.js';

/** A handler as Nest bound it to one connection: guards, pipes, interceptors and filters included. */
export type BoundHandler = (...args: unknown[]) => unknown;

/** Takes what comes from connections to their handlers. One for all connections of a codec. */
export interface Dispatcher {
  /** One message of a connection, as `ws` gives it. */
  receive(session: Session, data: Buffer, isBinary: boolean, now: number): void;
  /** A message of the session was handled. */
  settled(session: Session): void;
}

export interface SessionParts {
  readonly options: Pick<ResolvedOptions, 'messagesPerSecond' | 'messagesBurst' | 'maxErrorsPerMinute'>;
  readonly connection: Connection;
  readonly gateway: GatewayBinding;
  /** The room of the connection's path, by the name that frames use. */
  readonly pathRoom: string | undefined;
  readonly dispatcher: Dispatcher;
  /** The connection's among those of this pod. */
  readonly place: Place;
}

/** What the rate does not count must not be free: WebSocket pings and `ping`, `pong`, `auth` frames within 60 s. */
const MAX_CONTROLS_PER_MINUTE = 600;

/**
 * What belongs to one connection while it lives. There are as many as there are connections, so it holds no closure and
 * makes what most of them never need when it is needed.
 */
export class Session implements LanesOwner {
  readonly connection: Connection;
  readonly gateway: GatewayBinding;
  readonly pathRoom: string | undefined;
  readonly memberships = new Memberships();
  /** Where each stands is said by the gateway, once for all connections: see {@link handlerOf}. */
  handlers: readonly BoundHandler[] = [];
  readonly place: Place;
  readonly dispatcher: Dispatcher;
  private readonly options: SessionParts['options'];
  private ownLanes: Lanes | undefined;
  private ownLimiter: RateLimiter | undefined;
  private ownErrors: ErrorBudget | undefined;
  private ownControls: ErrorBudget | undefined;
  private ownHistoryTurns: Turns | undefined;

  constructor(parts: SessionParts) {
    this.connection = parts.connection;
    this.gateway = parts.gateway;
    this.pathRoom = parts.pathRoom;
    this.place = parts.place;
    this.dispatcher = parts.dispatcher;
    this.options = parts.options;
  }

  get lanes(): Lanes {
    return (this.ownLanes ??= new Lanes(this));
  }

  get limiter(): RateLimiter {
    const { messagesPerSecond, messagesBurst } = this.options;
    return (this.ownLimiter ??= new RateLimiter(messagesPerSecond, messagesBurst, this.connection.openedAt));
  }

  get errors(): ErrorBudget {
    return (this.ownErrors ??= new ErrorBudget(this.options.maxErrorsPerMinute));
  }

  /** Of WebSocket pings and `ping`, `pong`, `auth` frames. */
  get controls(): ErrorBudget {
    return (this.ownControls ??= new ErrorBudget(MAX_CONTROLS_PER_MINUTE));
  }

  /** Its questions for history: one is answered at a time. */
  get historyTurns(): Turns {
    return (this.ownHistoryTurns ??= new Turns());
  }

  /** A frame was handled. */
  laneSettled(): void {
    this.dispatcher.settled(this);
  }
}

/** The handler of a type, bound to the session's connection. */
export function handlerOf({ gateway, handlers }: Session, type: string): BoundHandler | undefined {
  const place = gateway.handlerPlaces?.get(type);
  return place === undefined ? undefined : handlers[place];
}
