import type { IncomingMessage } from 'node:http';
import { requestedHost } from './proxy-trust.js';
import type { ProxyTrust } from './proxy-trust.js';

export interface OriginRules {
  /** Origins that may come; `*`: any. `undefined`: the same host. */
  readonly allowed: readonly string[] | undefined;
  /** Whose `X-Forwarded-Host` is believed. */
  readonly trust: ProxyTrust;
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
  const host = requestedHost(request, rules.trust);
  // Through the URL parser, so that a default port counts as none.
  return (
    host !== undefined &&
    URL.canParse(`${url.protocol}//${host}`) &&
    new URL(`${url.protocol}//${host}`).host === url.host
  );
}
