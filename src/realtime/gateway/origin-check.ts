import type { IncomingMessage } from 'node:http';

export interface OriginRules {
  /** Origins that may come; `*`: any. `undefined`: the same host. */
  readonly allowed: readonly string[] | undefined;
  /** Whether `X-Forwarded-Host` is believed. */
  readonly trustProxy: boolean;
  /** Outside production loopback origins may come too, where no list is configured. */
  readonly production: boolean;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Says whether a page of this origin may connect (HS8). A request without `Origin` is no browser's and passes. */
export function isOriginAllowed(request: IncomingMessage, rules: OriginRules): boolean {
  const { origin } = request.headers;
  if (origin === undefined) return true;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (rules.allowed) {
    return rules.allowed.includes('*') || (url !== undefined && rules.allowed.includes(url.origin));
  }
  if (!url || url.origin === 'null') return false;
  if (!rules.production && LOOPBACK.test(url.hostname)) return true;
  const forwarded = rules.trustProxy ? request.headers['x-forwarded-host'] : undefined;
  const host = (Array.isArray(forwarded) ? forwarded[0] : forwarded)?.split(',')[0]?.trim() ?? request.headers.host;
  // Through the URL parser, so that a default port counts as none.
  return (
    host !== undefined &&
    URL.canParse(`${url.protocol}//${host}`) &&
    new URL(`${url.protocol}//${host}`).host === url.host
  );
}

/** The address of the peer; behind a trusted proxy the one that this proxy saw. */
export function peerAddress(request: IncomingMessage, trustProxy: boolean): string {
  const forwarded = trustProxy ? request.headers['x-forwarded-for'] : undefined;
  const list = Array.isArray(forwarded) ? forwarded.join(',') : forwarded;
  const address = list?.split(',').at(-1)?.trim() || request.socket.remoteAddress || 'unknown';
  return address.replace(/^::ffff:(?=\d+\.)/i, ''); // An IPv4 peer of a socket that takes both.
}
