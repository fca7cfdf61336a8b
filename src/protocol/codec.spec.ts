import { describe, expect, it } from '@jest/globals';
import { decodeFrame, encodeFrame, offsetPrefix, parseJson, spliceOffset } from './codec.js';

const HEADER = { type: 'message', room: 'general', timestamp: '2026-01-01T00:00:00.000Z' };

/** The order in which the server's fields stand. */
const ORDER = ['type', 'room', 'id', 'user', 'userId', 'timestamp'];

function encoded(payload: unknown, more: object = {}): Record<string, unknown> {
  return JSON.parse(encodeFrame({ ...HEADER, ...more }, payload)) as Record<string, unknown>;
}

describe('decodeFrame', () => {
  it('takes a frame apart: type, id, room, and the body without the reserved fields', () => {
    const text =
      '{"type":"say","id":"1","room":"a","user":"u","userId":"x","offset":1,"timestamp":"t","text":"hi","n":[1]}';
    const decoded = decodeFrame(text);
    expect(decoded).toMatchObject({ ok: true, frame: { type: 'say', id: '1', room: 'a', user: 'u' } });
    expect(decoded.ok && decoded.frame.body).toEqual({ text: 'hi', n: [1] });
  });

  it('calls a frame without a type message', () => {
    expect(decodeFrame('{"text":"hi"}')).toMatchObject({ ok: true, frame: { type: 'message', body: { text: 'hi' } } });
    expect(decodeFrame('{}')).toMatchObject({ ok: true, frame: { type: 'message', body: {} } });
  });

  it.each<[string, string, unknown]>([
    ['{"event":"say","data":{"type":"x","room":"y"}}', 'say', { type: 'x', room: 'y' }],
    ['{"event":"say","data":"text"}', 'say', 'text'],
    ['{"event":"say","data":null}', 'say', null],
    ['{"event":"say"}', 'say', undefined],
    ['{"type":"typed","event":"say","data":1}', 'typed', { event: 'say', data: 1 }],
    ['{"event":7,"data":1}', 'message', { event: 7, data: 1 }],
  ])("reads Nest's envelope: %s", (text, type, body) => {
    const decoded = decodeFrame(text);
    expect(decoded.ok && [decoded.frame.type, decoded.frame.body]).toEqual([type, body]);
  });

  it.each([
    '',
    ' ',
    'x',
    '[]',
    '[{"type":"a"}]',
    '"text"',
    '7',
    'null',
    'true',
    '{"a":1',
    '{"a":1}x',
    '{a:1}',
    '\u0000',
    'NaN',
  ])('refuses %j: no JSON object', (text) => {
    expect(decodeFrame(text)).toMatchObject({ ok: false, message: expect.stringContaining('JSON object') });
  });

  it('refuses what is nested more than 256 deep, and says to which frame', () => {
    const nested = (levels: number): string => `${'{"id":"1","a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    expect(decodeFrame(nested(256))).toMatchObject({ ok: true });
    expect(decodeFrame(nested(257))).toEqual({ ok: false, id: '1', message: expect.stringContaining('256') });
    expect(decodeFrame(`{"id":"1","a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`)).toMatchObject({ ok: false });
  });

  it.each([
    '{"type":7}',
    '{"type":null}',
    '{"type":{}}',
    '{"room":7}',
    '{"room":null}',
    '{"id":7}',
    '{"id":""}',
    '{"id":null}',
    `{"id":"${'x'.repeat(65)}"}`,
  ])('refuses %s: a field of the wrong kind', (text) => {
    expect(decodeFrame(text).ok).toBe(false);
  });

  it('gives the id of a frame that it refuses, so that the answer can carry it', () => {
    expect(decodeFrame('{"id":"i","type":7}')).toMatchObject({ ok: false, id: 'i' });
    expect(decodeFrame('{"id":"i","room":7}')).toMatchObject({ ok: false, id: 'i' });
    expect(decodeFrame('{"id":7,"type":7}')).not.toHaveProperty('id');
  });

  it('never repeats what the client sent', () => {
    for (const text of ['secret', '{"type":{"secret":1}}', '{"id":{"secret":1}}', '{"room":["secret"]}']) {
      expect(JSON.stringify(decodeFrame(text))).not.toContain('secret');
    }
  });

  it('does not let __proto__, constructor or toString of a frame reach the prototype of the body', () => {
    const decoded = decodeFrame('{"__proto__":{"isAdmin":true},"constructor":1,"toString":2,"a":1}');
    expect(decoded.ok && decoded.frame.body).toEqual({ constructor: 1, toString: 2, a: 1 });
    expect(decoded.ok && (decoded.frame.body as { isAdmin?: boolean }).isAdmin).toBeUndefined();
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it('does not take an own __proto__ for the type, the id or the room', () => {
    const decoded = decodeFrame('{"__proto__":{"type":"join","id":"i","room":"r"}}');
    expect(decoded).toMatchObject({ ok: true, frame: { type: 'message' } });
    expect(decoded.ok && decoded.frame.id).toBeUndefined();
  });

  it('bears depth and length without an exception', () => {
    const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
    expect(typeof decodeFrame(deep).ok).toBe('boolean');
    expect(decodeFrame(`{"text":"${'x'.repeat(100_000)}"}`).ok).toBe(true);
  });
});

describe('encodeFrame', () => {
  it('puts the fields of the server first, and the payload behind them', () => {
    const text = encodeFrame({ ...HEADER, id: 'i', user: 'Ada', userId: 'u1' }, { text: 'hi' });
    expect(text).toBe(
      '{"type":"message","room":"general","id":"i","user":"Ada","userId":"u1","timestamp":"2026-01-01T00:00:00.000Z","text":"hi"}',
    );
  });

  it.each(['type', 'room', 'id', 'offset', 'user', 'userId', 'timestamp'])('a payload can not set %s', (field) => {
    const frame = encoded({ [field]: 'evil', ok: 1 });
    expect(frame[field]).not.toBe('evil');
    expect(frame['ok']).toBe(1);
  });

  it('a payload can not set a reserved field by writing it otherwise', () => {
    const text = encodeFrame(HEADER, JSON.parse('{"us\\u0065rId":"evil","a":{"userId":"fine"}}'));
    expect(text).not.toContain('evil');
    expect(JSON.parse(text)).toMatchObject({ a: { userId: 'fine' } });
  });

  it('a name that JSON writes otherwise is told as it is', () => {
    for (const user of ['"', '\\', '\n', '\u0000', '\ud800', 'Zo\u00eb', '\u{1f426}', '\u2028']) {
      const header = { ...HEADER, id: user, user, userId: user };
      expect(encodeFrame(header, {})).toBe(JSON.stringify({ ...HEADER, id: user, user, userId: user }, ORDER));
    }
  });

  it('a header field that is no string is written as JSON has it', () => {
    const header = { ...HEADER, user: 7 as unknown as string, userId: (() => 1) as unknown as string };
    expect(encodeFrame(header, {})).toBe(JSON.stringify(header, ORDER));
  });

  it('a payload can not set one by toJSON either', () => {
    expect(encoded({ toJSON: () => ({ userId: 'evil', a: 1 }) })).toEqual({ ...HEADER, a: 1 });
  });

  it.each<[unknown, unknown]>([
    ['text', 'text'],
    [7, 7],
    [true, true],
    [[1], [1]],
    [null, null],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    ['{"userId":"evil"}', '{"userId":"evil"}'],
  ])('a payload that is no object travels as data: %p', (payload, data) => {
    expect(encoded(payload)).toEqual({ ...HEADER, data });
  });

  it.each([undefined, {}, () => 1, Symbol('x')])('a payload without a JSON form adds nothing: %p', (payload) => {
    expect(encoded(payload)).toEqual(HEADER);
  });

  it('leaves text that looks like the end of a frame alone', () => {
    expect(encoded({ text: '"}, "type":"joined' })).toEqual({ ...HEADER, text: '"}, "type":"joined' });
  });

  it('throws where the payload can not be JSON', () => {
    expect(() => encodeFrame(HEADER, { n: 1n })).toThrow(TypeError);
  });
});

describe('spliceOffset', () => {
  it('puts the offset into an encoded frame', () => {
    expect(JSON.parse(spliceOffset(encodeFrame(HEADER, { a: 1 }), 42))).toEqual({ ...HEADER, a: 1, offset: 42 });
    expect(spliceOffset('{"type":"x"}', 1)).toBe(`${offsetPrefix(1)}"type":"x"}`);
  });
});

describe('parseJson', () => {
  it('gives undefined for what is no JSON, and null for null', () => {
    expect(parseJson('{')).toBeUndefined();
    expect(parseJson('null')).toBeNull();
  });
});
