import type { IncomingHttpHeaders } from 'node:http';

/** They stood in the request for the upgrade alone. `sec-websocket-protocol` is none of them: a token may stand there. */
const OF_UPGRADE = new Set([
  'connection',
  'upgrade',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-extensions',
]);
/** Thousands of connections have the same text in them, and none of them a secret. */
const ALIKE = new Set([
  'accept-encoding',
  'accept-language',
  'cache-control',
  'host',
  'origin',
  'pragma',
  'user-agent',
]);
const MOST_TEXTS = 500;
const LONGEST_TEXT = 500;

/** The texts that were seen lately, each once: what Node reads of a request is a new one each time. */
const texts = new Map<string, string>();

/** The headers that a connection keeps of its request for as long as it lives. */
export function keptHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept: IncomingHttpHeaders = {};
  for (const name in headers) {
    if (OF_UPGRADE.has(name)) continue;
    const value = headers[name];
    kept[name] = ALIKE.has(name) && typeof value === 'string' ? shared(value) : value;
  }
  return kept;
}

function shared(text: string): string {
  const known = texts.get(text);
  if (known !== undefined || text.length > LONGEST_TEXT) return known ?? text;
  if (texts.size === MOST_TEXTS) texts.clear(); // Whoever sends another one each time shares nothing.
  texts.set(text, text);
  return text;
}
