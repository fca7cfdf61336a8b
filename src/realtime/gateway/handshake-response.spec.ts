import { describe, expect, it } from '@jest/globals';
import { HandshakeResponse, headerLines } from './handshake-response.js';

describe('HandshakeResponse', () => {
  it.each<[unknown, string[]]>([
    ['text', ['x-a: text']],
    [7, ['x-a: 7']],
    [{ a: 1 }, ['x-a: {"a":1}']],
    [
      ['a=1', undefined],
      ['x-a: a=1', 'x-a: undefined'],
    ],
    [Symbol('s'), ['x-a: Symbol(s)']],
    ['two\r\nlines', ['x-a: two  lines']],
    [undefined, []],
  ])('records %p as lines that can be sent', (value, lines) => {
    const response = new HandshakeResponse().setHeader('X-A', value);
    expect(headerLines(response.recorded)).toEqual(lines);
  });
});
