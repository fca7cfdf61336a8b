import type { IncomingMessage, ServerResponse } from 'node:http';

/** A host as it may stand in a header: nothing that could end a directive and begin another. */
const HOST = /^[A-Za-z0-9.:[\]-]+$/;

/** Tells browsers what the pages may do: run this server's own files, talk to this server, and nothing else. */
export function securityHeaders(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  response.setHeader('Content-Security-Policy', contentSecurityPolicy(request.headers.host));
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('X-Frame-Options', 'DENY');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
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
