import * as fc from 'fast-check';

/** Texts that something might take for more than a text. */
const awkward = fc.constantFrom(
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\udc00\ud800',
  '\ufeff',
  '\u202e',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'then',
  'toJSON',
  '..',
  '@me',
  '%s%n',
  '{}',
  "'; --",
);

/** Any text. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: awkward },
  { weight: 2, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom(64, 65, 128, 129, 5_000).map((length) => 'x'.repeat(length)) },
);

const nested = fc
  .tuple(fc.constantFrom('[', '{"a":'), fc.constantFrom(2, 50, 254, 255, 256, 257, 1_000, 9_000))
  .map(([open, levels]) => `${open.repeat(levels)}1${(open === '[' ? ']' : '}').repeat(levels)}`);

/** A value as JSON text, also such that `JSON.stringify` never writes, and now and then none. */
export const anyJson: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: anyText.map((text) => JSON.stringify(text)) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...[
        'null',
        'true',
        'false',
        '{}',
        '[]',
        '[[]]',
        '0',
        '-0',
        '-1',
        '1e999',
        '-1e999',
        '1e-999',
        '9007199254740993',
      ],
      ...[
        '0.1',
        '01',
        'NaN',
        '"\\ud800"',
        '"\\u0000"',
        '{"a":1,"a":2}',
        '{"then":1}',
        '{"toJSON":1}',
        '{"length":1e9}',
      ],
      ...['{"__proto__":{"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', '{"type":"ack","offset":-1}'],
    ),
  },
  { weight: 2, arbitrary: fc.json({ maxDepth: 3 }) },
  { weight: 1, arbitrary: nested },
);

/** A text as it comes out at the other end of a wire: unpaired surrogates have no UTF-8. */
export function overTheWire(text: string): string {
  return Buffer.from(text).toString();
}
