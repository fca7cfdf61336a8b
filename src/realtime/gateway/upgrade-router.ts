import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock.js';
import type { GatewayBinding } from './gateway-binding.js';
import { refuseAtEnd, refuseByHttp } from './handshake-response.js';

/** An upgrade that one of our gateways takes. `params` is undefined where the path has an escape that is no text. */
export interface ClaimedUpgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly gateway: GatewayBinding;
  readonly params: Readonly<Record<string, string>> | undefined;
}

export interface UpgradeRouterParts {
  readonly clock: Clock;
  readonly onClaim: (upgrade: ClaimedUpgrade) => void;
  /** Whether a gateway without our decorator has this path. */
  readonly isPlainPath: (path: string) => boolean;
}

type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** How long a foreign listener may take to answer before the upgrade is nobody's. */
const NOBODYS_AFTER_MS = 5_000;

/**
 * Decides about the upgrades of one HTTP server before its other listeners do. One that is ours they never see; the
 * stock adapter's listener, which destroys what it does not know, sees its own paths only; one that is nobody's is
 * answered 404 after a while; one that is no WebSocket is served as a plain request.
 */
export class UpgradeRouter {
  private readonly gateways: GatewayBinding[] = [];
  private readonly stock = new Set<UpgradeListener>();
  /** Upgrades that foreign listeners were shown, and that nobody may have taken. */
  private readonly watched = new Set<() => void>();
  private closing = false;
  private readonly foundEmit: PropertyDescriptor | undefined;
  private readonly originalEmit: Server['emit'];

  constructor(
    private readonly server: Server,
    private readonly parts: UpgradeRouterParts,
  ) {
    this.foundEmit = Object.getOwnPropertyDescriptor(server, 'emit');
    this.originalEmit = server.emit.bind(server);
    server.emit = ((event: string, ...args: unknown[]): boolean => {
      if (event !== 'upgrade')
        return (this.originalEmit as (name: string, ...rest: unknown[]) => boolean)(event, ...args);
      this.decide(...(args as [IncomingMessage, Duplex, Buffer]));
      return true;
    }) as Server['emit'];
    // Node asks for a listener before it emits: without one an upgrade would be a plain request.
    server.on('upgrade', placeholder);
  }

  add(gateway: GatewayBinding): void {
    this.gateways.push(gateway);
  }

  remove(gateway: GatewayBinding): void {
    const at = this.gateways.indexOf(gateway);
    if (at >= 0) this.gateways.splice(at, 1);
  }

  /** Marks the listener of the stock adapter. */
  markStock(listener: UpgradeListener): void {
    this.stock.add(listener);
  }

  /**
   * Refuses what comes from now on, and what nobody took so far: it would hold up the end of the server. When the server
   * has ended, it is left as it was found.
   */
  close(): void {
    this.closing = true;
    for (const decideNow of this.watched) decideNow();
    if (this.server.listening) this.server.once('close', () => this.restore());
    else this.restore();
  }

  private restore(): void {
    this.server.off('upgrade', placeholder);
    if (this.foundEmit) Object.defineProperty(this.server, 'emit', this.foundEmit);
    else delete (this.server as Partial<Server>).emit;
  }

  private decide(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = pathOf(request.url ?? '/');
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      serveAsPlainRequest(this.server, request, socket, head);
      return;
    }
    if (this.closing) {
      refuseAtEnd(socket);
      return;
    }
    const claimed = this.claim(path);
    if (claimed) {
      this.parts.onClaim({ request, socket, head, ...claimed });
      return;
    }
    const plain = this.parts.isPlainPath(resolvedPathOf(request.url ?? '/'));
    // Raw: one that was added by once() must take itself away.
    const listeners = (this.server.rawListeners('upgrade') as UpgradeListener[]).filter(
      (listener) => listener !== placeholder && (plain || !this.stock.has(listener)),
    );
    const alreadyWritten = bytesWrittenTo(socket);
    for (const listener of listeners) listener.call(this.server, request, socket, head);
    if (plain) return;
    if (listeners.length === 0) return refuseUnknownPath(socket);
    this.watch(socket, alreadyWritten);
  }

  private claim(path: string): Pick<ClaimedUpgrade, 'gateway' | 'params'> | undefined {
    let best: { gateway: GatewayBinding; params: ClaimedUpgrade['params'] } | undefined;
    for (const gateway of this.gateways) {
      const found = gateway.pattern.match(path);
      if (!found || (best && best.gateway.pattern.compare(gateway.pattern, path) <= 0)) continue;
      best = { gateway, params: 'params' in found ? found.params : undefined };
    }
    return best;
  }

  /** A listener that takes an upgrade writes its answer, or listens to the socket. */
  private watch(socket: Duplex, alreadyWritten: number): void {
    // Node took its own listener away with the upgrade: without one, a reset would end the process.
    socket.on('error', () => void socket.destroy());
    const decideNow = (): void => {
      forget();
      if (bytesWrittenTo(socket) === alreadyWritten && socket.listenerCount('data') === 0) refuseUnknownPath(socket);
    };
    const timer = this.parts.clock.after(NOBODYS_AFTER_MS, decideNow);
    const forget = (): void => {
      timer.cancel();
      this.watched.delete(decideNow);
      socket.off('close', forget);
    };
    this.watched.add(decideNow);
    socket.once('close', forget);
  }
}

/** Not 0 on a socket that served requests before. */
function bytesWrittenTo(socket: Duplex): number {
  return (socket as { bytesWritten?: number }).bytesWritten ?? 0;
}

/** Stands for the router in the server's list of listeners; `emit` never calls it. */
function placeholder(): void {
  // Nothing: the router decides in `emit`.
}

function refuseUnknownPath(socket: Duplex): void {
  refuseByHttp(socket, 404, 'not_found', 'no gateway has this path');
}

/** The path of a request as it came: not decoded, and `..` is not resolved. */
export function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end < 0 ? url : url.slice(0, end);
}

/** The path as the stock adapter compares it: as the URL standard reads it, `..` resolved. Empty where it is none. */
function resolvedPathOf(url: string): string {
  return URL.canParse(url, 'ws://host/') ? new URL(url, 'ws://host/').pathname : '';
}

/**
 * Gives a request that Node took for an upgrade back to the HTTP server, without the upgrade: the request is written
 * anew in front of what the socket still has, and the server parses it like the first of a connection, body included.
 */
function serveAsPlainRequest(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method ?? 'GET'} ${request.url ?? '/'} HTTP/${request.httpVersion}`];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    const name = request.rawHeaders[i] ?? '';
    if (/^(upgrade|http2-settings)$/i.test(name)) continue;
    const value = request.rawHeaders[i + 1] ?? '';
    lines.push(`${name}: ${/^connection$/i.test(name) ? withoutUpgrade(value) : value}`);
  }
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket);
}

function withoutUpgrade(connection: string): string {
  const kept = connection.split(',').filter((token) => !/^\s*(upgrade|http2-settings)\s*$/i.test(token));
  return kept.join(',').trim() || 'keep-alive';
}
