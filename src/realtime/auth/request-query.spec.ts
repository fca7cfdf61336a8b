import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { queryOf } from './request-query.js';

function request(url?: string): IncomingMessage {
  return { url } as IncomingMessage;
}

describe('queryOf', () => {
  it.each([
    ['/ws?a=1&b=%20x&a=2', 'a=1&b=+x&a=2'],
    ['/ws?a=?&b', 'a=%3F&b='],
    ['/ws?', ''],
    ['/ws', ''],
    [undefined, ''],
  ])('reads what stands behind the first question mark of %s', (url, fields) => {
    expect(queryOf(request(url)).toString()).toBe(fields);
  });

  it('parses once, and anew where the URL is another one', () => {
    const one = request('/ws?token=a');
    expect(queryOf(one)).toBe(queryOf(one));
    one.url = '/ws?token=b';
    expect(queryOf(one).get('token')).toBe('b');
  });
});
