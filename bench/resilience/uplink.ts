import { Agent } from 'node:http';
import type { ClientRequestArgs } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What {@link Uplink} may be given. */
export interface UplinkOptions {
  /** Milliseconds by which attempts are told. Default: the machine's clock. */
  readonly now?: () => number;
  /** Ports of 127.0.0.1 that attempts go to in turn, as behind a balancer. Default: the port of the URL. */
  readonly ports?: readonly number[];
}

/**
 * The network of one client, as the `agent` of whatever makes its WebSockets: `ws` and socket.io-client both take one.
 * It is cut at the client's own TCP socket, and while it is cut every attempt fails at once, as on a machine whose
 * network is gone. What the client does about it is its own.
 */
export class Uplink extends Agent {
  /** When each attempt to connect was made, also those that failed. */
  readonly attempts: number[] = [];
  /** When the last attempt was made that the network let through. */
  connectedAt = 0;
  readonly #now: () => number;
  readonly #ports: readonly number[];
  #socket: Socket | undefined;
  #isCut = false;

  constructor(options: UplinkOptions = {}) {
    super();
    this.#now = options.now ?? Date.now;
    this.#ports = options.ports ?? [];
  }

  /** Resets the connection (RST) and lets none be made until {@link mend}. Says whether there was one. */
  cut(): boolean {
    this.#isCut = true;
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket || socket.destroyed) return false;
    socket.resetAndDestroy();
    return true;
  }

  mend(): void {
    this.#isCut = false;
  }

  /** Called by Node for each request. */
  override createConnection(
    options: ClientRequestArgs,
    callback: (error: Error | null, stream: Duplex) => void,
  ): Duplex | undefined {
    const now = this.#now();
    this.attempts.push(now);
    if (this.#isCut) {
      // Node's types want a stream beside the error; its agent reads none.
      callback(Object.assign(new Error('connect ENETUNREACH'), { code: 'ENETUNREACH' }), undefined as never);
      return undefined;
    }
    this.connectedAt = now;
    const port = this.#ports[(this.attempts.length - 1) % this.#ports.length] ?? Number(options.port);
    this.#socket = connect({ host: options.host ?? '127.0.0.1', port, noDelay: true });
    return this.#socket;
  }
}
