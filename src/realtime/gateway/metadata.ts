import type { Identity } from '../auth/identity.js';

/** What `@RealtimeGateway` takes beside its path. */
export interface RealtimeGatewayOptions {
  /**
   * `json` (default): the frames of PROTOCOL.md. `text`: a text message goes to the handler of `message` as it is, and
   * what the handler returns is sent as it is; nothing else is sent, errors are close codes, nothing is stored.
   */
  readonly codec?: 'json' | 'text';
  /**
   * What this gateway's rooms keep. `history` (default): their frames, in order. `latest`: the newest frame per key, for
   * dashboards and tickers (OR4); every publish says its `key`. A pod holds what such a room keeps, 1,000 frames at most,
   * while it has members. Needs `codec: 'json'`.
   */
  readonly roomKind?: 'history' | 'latest';
  /**
   * Milliseconds for which frames to one connection are gathered into one write where many come: the first one after a
   * quiet spell leaves at once, what follows within this time leaves together at its end. For busy rooms; costs latency
   * and saves CPU. Order stays. Default 0: what one turn of the event loop brings is written together. At most 1,000.
   */
  readonly coalesceMs?: number;
  /** What separates this gateway's rooms from others'. Default: the path's static segments without a leading `ws`, joined by `.`. */
  readonly namespace?: string;
  /**
   * The room of a connection, out of its path. Default: the parameter `:room`. Must be given where the path has another
   * parameter, so that two tenants never share a room by accident. `undefined`: no room.
   */
  readonly room?: (params: Readonly<Record<string, string>>, identity: Identity) => string | undefined;
  /** Whether each identified connection is a member of `@me`, the room of its user (FR7). Default `false`. */
  readonly userRoom?: boolean;
  /** A port of its own, without TLS. Default: the application's. */
  readonly port?: number;
}

/** What the decorator leaves for the adapter, by {@link REALTIME_GATEWAY} in the gateway's options. */
export interface GatewayDefinition extends RealtimeGatewayOptions {
  readonly path: string;
  readonly metatype: abstract new (...args: never[]) => object;
}

/** Key of the {@link GatewayDefinition}, in the options that Nest hands to the adapter and in the class's metadata. */
export const REALTIME_GATEWAY: unique symbol = Symbol.for('rookery:gateway');

/** Metadata key of the guards of a gateway's handshake. */
export const HANDSHAKE_GUARDS = 'rookery:handshake-guards';

/** Metadata key of handlers that opt out of the order of frames (OR3). */
export const CONCURRENT = 'rookery:concurrent';
