import type { IncomingMessage, ServerResponse } from 'node:http';

/** A host as it may stand in a header: nothing that could end a directive and begin another. */
const HOST = /^[A-Za-z0-9.:[\]-]+$/;

/** What helmet sets by default, beside the policy below. Over plain HTTP browsers ignore the first. */
const HEADERS: readonly (readonly [string, string])[] = [
  ['Strict-Transport-Security', 'max-age=15552000'],
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'no-referrer'],
  ['X-Frame-Options', 'DENY'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Origin-Agent-Cluster', '?1'],
  ['X-DNS-Prefetch-Control', 'off'],
  ['X-Download-Options', 'noopen'],
  ['X-Permitted-Cross-Domain-Policies', 'none'],
  ['X-XSS-Protection', '0'],
];

/** Tells browsers what the pages may do: run this server's own files, talk to this server, and nothing else. */
export function securityHeaders(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  response.setHeader('Content-Security-Policy', contentSecurityPolicy(request.headers.host));
  for (const [name, value] of HEADERS) response.setHeader(name, value);
  next();
}

function contentSecurityPolicy(host: string | undefined): string {
  // Not every browser takes 'self' for this server's WebSockets too, so they are named.
  const sockets = host !== undefined && HOST.test(host) ? ` ws://${host} wss://${host}` : '';
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self'${sockets}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
