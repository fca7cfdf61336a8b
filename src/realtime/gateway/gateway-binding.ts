import type { Connection } from '../connection/connection.js';
import type { FlushSchedule } from '../connection/flush-schedule.js';
import type { RoomHooks } from '../rooms/room-hooks.js';
import type { GatewayDefinition } from './metadata.js';
import type { PathPattern } from './path-pattern.js';

/** Checks whether a request may be upgraded; made of a gateway's `@HandshakeGuards`. */
export type HandshakeCheck = (request: unknown, response: unknown) => Promise<boolean>;

/** A gateway with everything about it decided: what the adapter makes of a definition, once. */
export interface GatewayBinding {
  readonly definition: GatewayDefinition;
  /** The class's name, for messages. */
  readonly name: string;
  readonly namespace: string;
  readonly codec: 'json' | 'text';
  readonly pattern: PathPattern;
  readonly port: number;
  readonly hooks: RoomHooks;
  readonly check: HandshakeCheck;
  /** When what is sent to its connections is written (`coalesceMs`). */
  readonly schedule: FlushSchedule;
  /** Message types whose handlers opted out of the order (OR3). */
  readonly concurrent: ReadonlySet<string>;
  /** Tells Nest of a connection: it binds the handlers and calls `handleConnection`. */
  connect: ((connection: Connection) => void) | undefined;
  /** Where the handler of a type stands among those that Nest binds to a connection; known with the first one. */
  handlerPlaces: ReadonlyMap<string, number> | undefined;
}
