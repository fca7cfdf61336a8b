import type { IncomingMessage } from 'node:http';

const QUERY: unique symbol = Symbol('query');

type Parsed = IncomingMessage & { [QUERY]?: { readonly url: string; readonly fields: URLSearchParams } };

/** The fields of a request's query; not to be changed. Parsed once, and anew where a guard gave the request another URL. */
export function queryOf(request: IncomingMessage): URLSearchParams {
  const parsed = request as Parsed;
  const url = request.url ?? '';
  if (parsed[QUERY]?.url !== url) {
    const mark = url.indexOf('?');
    parsed[QUERY] = { url, fields: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)) };
  }
  return parsed[QUERY].fields;
}
