import type { IncomingMessage } from 'node:http';
import { parse as parseCookies } from 'cookie';
import { BEARER_SUBPROTOCOL } from '../../protocol/names.js';
import { queryOf } from './request-query.js';

/** Header texts of `Sec-WebSocket-Protocol`, taken apart. */
export function offeredSubprotocols(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol'];
  return header === undefined ? [] : header.split(',').map((name) => name.trim());
}

/**
 * Finds the token of a request (HS2): `Authorization: Bearer`, subprotocol `bearer.<jwt>`, query `token`, cookie, in this
 * order. The first one found is used, the others are ignored.
 *
 * @param cookie Name of the cookie; `undefined`: cookies are not looked at.
 */
export function findToken(request: IncomingMessage, cookie: string | undefined): string | undefined {
  // What follows the scheme is the token, whatever it looks like: a malformed one is refused, not overlooked (HS9).
  const authorization = /^Bearer(?:\s+(.*))?$/i.exec(request.headers.authorization ?? '');
  if (authorization) return (authorization[1] ?? '').trim();
  const offered = offeredSubprotocols(request).find((name) => name.toLowerCase().startsWith(BEARER_SUBPROTOCOL));
  if (offered !== undefined) return offered.slice(BEARER_SUBPROTOCOL.length);
  const query = queryOf(request).get('token');
  if (query !== null) return query;
  if (cookie === undefined) return undefined;
  return parseCookies(request.headers.cookie ?? '')[cookie];
}
