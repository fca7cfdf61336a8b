import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { inspect } from 'node:util';
import type { WebSocket } from 'ws';
import { CloseCode } from '../../protocol/close-codes.js';
import { reservedTypes } from '../../protocol/names.js';
import type { Identity } from '../auth/identity.js';
import type { ConnectionFacts } from '../realtime.events.js';
import { RealtimeUsageError } from '../realtime.errors.js';
import { Reader } from './reader.js';
import type { ReaderOptions } from './reader.js';
import { encodeTextMessage } from './ws-frame.js';

/** What a connection keeps of the request that opened it. The request itself is let go. */
export interface ConnectionOrigin {
  /** Without those that are of the upgrade alone. */
  readonly headers: IncomingHttpHeaders;
  /** Path and query, without a token. */
  readonly url: string;
  readonly ip: string;
  readonly params: Readonly<Record<string, string>>;
  /** Without a token. */
  readonly query: Readonly<Record<string, string | string[]>>;
  /** What the guards put on the request. */
  readonly user: unknown;
}

export interface ConnectionOptions extends ConnectionOrigin, ReaderOptions {
  readonly id: string;
  readonly namespace: string;
  readonly identity: Identity;
  readonly codec: 'json' | 'text';
  /** Hears of a hook of the application that threw; the connection closes itself. The same one for all. */
  readonly onHookFailed: (connection: Connection, hook: string, error: unknown) => void;
}

/**
 * One WebSocket, as handlers and hooks see it (`@ConnectedSocket()`, `@CurrentConnection()`). It carries what guards and
 * interceptors written for HTTP look for: `headers url ip params query user`.
 */
export class Connection extends Reader {
  readonly id: string;
  readonly namespace: string;
  /** Those of the handshake, without `connection`, `upgrade`, `sec-websocket-key`, `-version` and `-extensions`. */
  readonly headers: IncomingHttpHeaders;
  readonly url: string;
  readonly ip: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly user: unknown;
  /** @internal */
  readonly codec: 'json' | 'text';
  /** The code with which `ws` closed it by itself, because the peer broke the standard. @internal */
  breach: number | undefined;
  /** The connection ended on purpose (1000, a kick): its user has left at once. @internal */
  closedCleanly = false;
  private currentIdentity: Identity;
  private readonly onHookFailed: ConnectionOptions['onHookFailed'];
  private closedListener: (() => void) | undefined;

  constructor(ws: WebSocket, socket: Duplex, options: ConnectionOptions) {
    super(ws, socket, options);
    this.id = options.id;
    this.namespace = options.namespace;
    this.headers = options.headers;
    this.url = options.url;
    this.ip = options.ip;
    this.params = options.params;
    this.query = options.query;
    this.user = options.user;
    this.codec = options.codec;
    this.onHookFailed = options.onHookFailed;
    this.currentIdentity = options.identity;
  }

  /** Who this is. Changes when a fresh token was brought, or an anonymous connection took a name. */
  get identity(): Identity {
    return this.currentIdentity;
  }

  /** @internal */
  identify(identity: Identity): void {
    this.currentIdentity = identity;
  }

  /**
   * Sends something to this connection alone: on a `text` gateway a string as it is, on a `json` gateway an object with
   * a `type` of your own. Order: after everything sent before. Nothing is stored; a connection that is gone gets nothing.
   *
   * @throws RealtimeUsageError bad_usage — the value doesn't fit the gateway's codec.
   * @throws TypeError the value can't be JSON.
   */
  send(data: string | object): void {
    if (this.codec === 'text') {
      this.sendText(typeof data === 'string' ? data : JSON.stringify(data));
      return;
    }
    const type = typeof data === 'object' ? (data as { type?: unknown }).type : undefined;
    if (typeof type !== 'string' || reservedTypes.has(type)) {
      throw new RealtimeUsageError(
        'send() on a json gateway: expected an object with a "type" that the protocol does not reserve; to answer a frame, return from its handler',
      );
    }
    this.sendText(JSON.stringify(data));
  }

  /** Sends an object of the protocol; a `text` gateway has none. @internal */
  sendFrame(frame: object): void {
    if (this.codec === 'json') this.sendText(JSON.stringify(frame));
  }

  /** Sends a text. @internal */
  sendText(text: string): void {
    this.deliver(encodeTextMessage(Buffer.from(text)));
  }

  /** Calls the listener once, when the connection is gone. There is one, which Nest gives. @internal */
  onClosed(listener: () => void): void {
    this.closedListener = listener;
  }

  /** @internal */
  tellClosed(): void {
    this.closedListener?.();
    this.closedListener = undefined;
  }

  /** A hook of the application threw: it is told, and this connection, no other, ends. @internal */
  failed(hook: string, error: unknown): void {
    this.onHookFailed(this, hook, error);
    this.close(CloseCode.internal, 'internal');
  }

  /** What a log that prints the object shows: headers may carry a token (HS7). */
  toJSON(): ConnectionFacts {
    return this.facts();
  }

  [inspect.custom](): string {
    return `Connection ${JSON.stringify(this.facts())}`;
  }

  /** What logs and metrics may know. @internal */
  facts(room?: string): ConnectionFacts {
    const { id: connection, namespace, ip } = this;
    const userId = this.currentIdentity.id;
    return room === undefined ? { connection, namespace, userId, ip } : { connection, namespace, userId, ip, room };
  }
}
