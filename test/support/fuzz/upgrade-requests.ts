import * as fc from 'fast-check';
import { anyText, overTheWire } from './texts.js';

const escapes = fc.constantFrom(
  ...['%', '%zz', '%2', '%00', '%0d%0a', '%2e%2e', '%2F', '%C3%A4', '%ff', '%ED%A0%80', '%40me', '@me', '..', '.', '*'],
  ...[
    'general',
    'a:b',
    ':room',
    '{x}',
    '__proto__',
    'constructor',
    'r'.repeat(128),
    'r'.repeat(129),
    'r'.repeat(9_000),
  ],
);
const room = fc.oneof(
  escapes,
  fc.tuple(escapes, escapes).map(([a, b]) => a + b),
  anyText.map(encodable),
);

const path = fc.oneof(
  { weight: 8, arbitrary: room.map((name) => `/ws/fuzz/${name}`) },
  { weight: 2, arbitrary: room.map((name) => `/ws/fuzzed-texts/${name}`) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...['/ws/fuzz', '/ws/fuzz/', '/WS/FUZZ/a', '//ws/fuzz/a', '/ws//fuzz/a', '/ws/fuzz/a/b', '/ws/../ws/fuzz/a', '/'],
      ...[
        '/nowhere',
        '*',
        '',
        'ws/fuzz',
        'ws://elsewhere/ws/fuzz/a',
        'http://[',
        '/ws/fuzz/a#b',
        '/ws/fuzz/a b',
        '\\ws',
      ],
    ),
  },
);

const parameter = fc
  .tuple(
    fc.oneof(
      fc.constantFrom('token', 'since', 'me', 'name', 'room', '__proto__', 'a[b]', 'token[]', '', '%', 'constructor'),
      anyText.map(encodable),
    ),
    fc.oneof(fc.constantFrom('$TOKEN', 'a.b.c', 'x.1', 'x.99999999999999999999', '%', '%ff', '&', '=', '?'), room),
  )
  .map(([name, value]) => `${name}=${value}`);

const target = fc
  .tuple(path, fc.array(parameter, { maxLength: 4 }))
  .map(([at, query]) => at + (query.length > 0 ? `?${query.join('&')}` : ''));

const value = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('', ',', ',,', ';', '"', '=', '$TOKEN', 'null', '*', '\u00ff', '\t', '1', 'a b'),
  },
  { weight: 3, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom(1_000, 9_000, 20_000).map((length) => 'v'.repeat(length)) },
);

/** Headers that something reads, with values that they have; each may come more than once. */
const known: Readonly<Record<string, readonly string[]>> = {
  Authorization: ['Bearer $TOKEN', 'bearer $TOKEN', 'Bearer', 'Bearer a.b.c', 'Basic eDp5', 'Bearer  x  y'],
  'Sec-WebSocket-Protocol': [
    ...['rookery.v1', 'rookery.v1, bearer.$TOKEN', 'bearer.$TOKEN', 'bearer.', 'rookery.v1,rookery.v1', 'a,,b', ', '],
    ...['rookery.v2', 'rookery.v1, bearer.a.b.c', 'ROOKERY.V1', 'constructor, rookery.v1', 'a b'],
  ],
  Origin: [
    'http://$HOST',
    'null',
    '',
    'https://elsewhere.example',
    'http://',
    'http://localhost:1',
    'x',
    'http://$HOST/x',
  ],
  Cookie: ['a=b; c', '__proto__=1', '=', ';;;', 'token=$TOKEN', 'a=%'],
  'Sec-WebSocket-Extensions': [
    'permessage-deflate',
    'permessage-deflate; server_max_window_bits=99',
    ';',
    'x; y="',
    'a,',
  ],
  'X-Forwarded-For': ['1.2.3.4', '::1', 'x, y', ','],
  Forwarded: ['for=x', ';'],
  Host: ['$HOST', 'elsewhere', ''],
  Upgrade: ['websocket', 'h2c', 'websocket, h2c'],
  'Sec-WebSocket-Version': ['13', '8', '-1'],
  'Content-Length': ['0', '5', '-1', 'x'],
  'Transfer-Encoding': ['chunked', 'identity', 'x'],
  Expect: ['100-continue', 'x'],
};

const header = fc.oneof(
  ...Object.entries(known).map(([name, good]) =>
    fc
      .oneof({ weight: 4, arbitrary: fc.constantFrom(...good) }, { weight: 1, arbitrary: value })
      .map((text) => `${name}: ${text}`),
  ),
  fc
    .tuple(fc.constantFrom('__proto__', 'constructor', 'X', 'x y', ''), value)
    .map(([name, text]) => `${name}: ${text}`),
);

/**
 * The request of a WebSocket, as text in Latin-1; `$TOKEN` and `$HOST` stand for good ones. A body that its headers
 * announce is there: a server may wait for it before it answers.
 */
export const upgradeRequests: fc.Arbitrary<string> = fc
  .record({
    method: mostly('GET', 'POST', 'OPTIONS', 'get', ''),
    target,
    version: mostly('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', ''),
    host: mostly('Host: $HOST', ''),
    connection: mostly('Connection: Upgrade', 'Connection: keep-alive, upgrade', 'Connection: close', ''),
    upgrade: mostly('Upgrade: websocket', 'Upgrade: WebSocket', 'Upgrade: h2c', ''),
    version13: mostly('Sec-WebSocket-Version: 13', 'Sec-WebSocket-Version: 99', ''),
    key: mostly('Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Key: short', ''),
    more: fc.array(header, { maxLength: 4 }),
  })
  .map(({ method, target: at, version, host, connection, upgrade, version13, key, more }) => {
    const headers = [host, connection, upgrade, version13, key, ...more].filter((line) => line !== '');
    return [`${method} ${at} ${version}`, ...headers, '', bodyFor(headers)].join('\r\n');
  });

function bodyFor(headers: readonly string[]): string {
  if (headers.includes('Transfer-Encoding: chunked')) return '0\r\n\r\n';
  return headers.includes('Content-Length: 5') ? 'hello' : '';
}

function mostly(usual: string, ...rare: string[]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 20, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...rare) });
}

/** Percent-encoded, which unpaired surrogates can't be. */
function encodable(text: string): string {
  return encodeURIComponent(overTheWire(text));
}
