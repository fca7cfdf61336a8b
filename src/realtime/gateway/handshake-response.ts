import { STATUS_CODES, validateHeaderName } from 'node:http';
import type { Duplex } from 'node:stream';

/** Headers by lower-case name. */
export type HeaderMap = Map<string, string | readonly string[]>;

/** Headers that say how the answer itself is made. */
const OF_THE_UPGRADE = /^(connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)$/;

/**
 * What guards get as `getResponse()`: it records status and headers, for the refusal or for the upgrade's answer. It
 * sends nothing by itself.
 */
export class HandshakeResponse {
  statusCode = 200;
  readonly headersSent = false;
  readonly recorded: HeaderMap = new Map();
  /** For what guards tell each other, as Express has it. */
  readonly locals: Record<string, unknown> = {};

  status(code: number): this {
    this.statusCode = code;
    return this;
  }

  /** A value that is none is left out; a name that belongs to the upgrade itself too. */
  setHeader(name: string, value: unknown): this {
    validateHeaderName(name);
    const lower = name.toLowerCase();
    if (value === undefined || value === null || OF_THE_UPGRADE.test(lower)) return this;
    this.recorded.set(lower, Array.isArray(value) ? value.map(textOf) : textOf(value));
    return this;
  }

  header(name: string, value: unknown): this {
    return this.setHeader(name, value);
  }

  set(name: string, value: unknown): this {
    return this.setHeader(name, value);
  }

  append(name: string, value: unknown): this {
    const before = this.getHeader(name) ?? [];
    return this.setHeader(name, [before, value].flat());
  }

  writeHead(code: number, headers: Readonly<Record<string, unknown>> = {}): this {
    for (const [name, value] of Object.entries(headers)) this.setHeader(name, value);
    return this.status(code);
  }

  get(name: string): string | readonly string[] | undefined {
    return this.getHeader(name);
  }

  getHeader(name: string): string | readonly string[] | undefined {
    return this.recorded.get(name.toLowerCase());
  }

  removeHeader(name: string): void {
    this.recorded.delete(name.toLowerCase());
  }

  send(): this {
    return this;
  }

  json(): this {
    return this;
  }

  end(): this {
    return this;
  }
}

const RETRY_AFTER_S = '2';

/** What goes with a 503. */
export function retryAfter(): HeaderMap {
  return new Map([['retry-after', RETRY_AFTER_S]]);
}

/** Headers as they go over the wire. A value can't begin another line. */
export function headerLines(headers: HeaderMap): string[] {
  return [...headers].flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((one) => `${name}: ${one.replace(/[\r\n]/g, ' ')}`),
  );
}

/** Whatever it is, as text. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const json = JSON.stringify(value) as string | undefined; // Of a function, and of `undefined` in a list, there is none.
  return json ?? String(value);
}

/** {@link refuseByHttp} to whoever comes, or waits to be let in, while the server ends. */
export function refuseAtEnd(socket: Duplex): void {
  refuseByHttp(socket, 503, 'service_restart', 'not available at the moment: try again', retryAfter());
}

/**
 * Answers an upgrade request by HTTP and ends it: the status, and one line of JSON `{code, message}` (HS4).
 */
export function refuseByHttp(
  socket: Duplex,
  status: number,
  code: string,
  message: string,
  headers: HeaderMap = new Map(),
): void {
  if (socket.destroyed) return;
  socket.on('error', () => undefined); // The client is gone: there is nobody to be told.
  const body = `${JSON.stringify({ code, message })}\n`;
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`];
  const all: HeaderMap = new Map(headers);
  all.set('connection', 'close');
  all.set('content-type', 'application/json; charset=utf-8');
  all.set('cache-control', 'no-store');
  all.set('x-content-type-options', 'nosniff');
  all.set('content-length', String(Buffer.byteLength(body)));
  lines.push(...headerLines(all));
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
