import type { IncomingMessage } from 'node:http';
import { parse as parseCookies } from 'cookie';
import { HANDSHAKE_NAMESPACE } from '../auth/jwt-handshake.guard.js';
import { queryOf } from '../auth/request-query.js';
import { pathOf } from './upgrade-router.js';

/** What guards see on the request beside what Node puts there: what they most often ask Express for. */
export type GuardedRequest = IncomingMessage & {
  params: Readonly<Record<string, string>>;
  query: Readonly<Record<string, string | string[]>>;
  cookies: Readonly<Record<string, string | undefined>>;
  ip: string;
  originalUrl: string;
  path: string;
  get(name: string): string | string[] | undefined;
  header(name: string): string | string[] | undefined;
  user?: unknown;
  [HANDSHAKE_NAMESPACE]?: string;
};

/** One for all connections that brought nothing but their token. */
const NO_FIELDS: GuardedRequest['query'] = Object.freeze({});

/** Puts on a request what guards look for there. */
export function prepareRequest(
  request: IncomingMessage,
  params: Readonly<Record<string, string>>,
  namespace: string,
  ip: string,
): GuardedRequest {
  const guarded = request as GuardedRequest;
  const url = request.url ?? '';
  guarded.params = params;
  guarded.query = recordOf(queryOf(request));
  guarded.cookies = parseCookies(request.headers.cookie ?? '');
  guarded.originalUrl = url;
  guarded.path = pathOf(url);
  guarded.get = guarded.header = (name) => headerOf(request, name);
  guarded.ip = ip;
  guarded[HANDSHAKE_NAMESPACE] = namespace;
  return guarded;
}

function headerOf(request: IncomingMessage, name: string): string | string[] | undefined {
  const { headers } = request;
  const lower = name.toLowerCase();
  return lower === 'referer' || lower === 'referrer' ? headers.referer : headers[lower];
}

/** The query as guards get it: a name that stands twice has a list. */
function recordOf(fields: URLSearchParams): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = {};
  for (const [name, text] of fields) {
    if (name === '__proto__') continue;
    const value = copyOf(text);
    const before = Object.hasOwn(query, name) ? query[name] : undefined; // Not the `constructor` of every object.
    query[name] = before === undefined ? value : [...(typeof before === 'string' ? [before] : before), value];
  }
  return query;
}

/** Path and query without the token (HS7). */
export function urlWithoutToken(request: IncomingMessage): string {
  const { url = '' } = request;
  const mark = url.indexOf('?');
  if (mark < 0) return url;
  const fields = queryOf(request);
  const path = url.slice(0, mark);
  if (fields.size === 1 && fields.has('token')) return copyOf(path);
  const others = new URLSearchParams(fields);
  others.delete('token');
  const rest = others.toString();
  return copyOf(rest === '' ? path : `${path}?${rest}`);
}

/** The fields of a query without the token: what a connection keeps for as long as it lives. */
export function fieldsWithoutToken(query: GuardedRequest['query']): GuardedRequest['query'] {
  const { token: _, ...fields } = query;
  return Object.keys(fields).length === 0 ? NO_FIELDS : Object.freeze(fields);
}

/**
 * The same text, by itself. What was cut out of a URL is a view of it, from 13 characters on: as long as a connection
 * kept that, V8 would keep the whole URL, and the token in it.
 */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

/** The first value of a query's field. */
export function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
