import { describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { fieldsWithoutToken, urlWithoutToken } from './guarded-request.js';

describe('fieldsWithoutToken', () => {
  it('leaves every field but the token', () => {
    expect(fieldsWithoutToken({ token: 't', tab: '2' })).toEqual({ tab: '2' });
    expect(fieldsWithoutToken({ token: 't' })).toEqual({});
    expect(fieldsWithoutToken({})).toEqual({});
  });
});

describe('urlWithoutToken', () => {
  it.each([
    ['/ws', '/ws'],
    ['/ws?', '/ws'],
    ['/ws?token=t', '/ws'],
    ['/ws?%74oken=t', '/ws'],
    ['/ws?token=t&token=u', '/ws'],
    ['/ws?token=t&', '/ws'],
    ['/ws?tab=2&token=t&name=a%20b', '/ws?tab=2&name=a+b'],
    ['/ws?tokens=t', '/ws?tokens=t'],
  ])('makes %s to %s', (url, without) => {
    expect(urlWithoutToken({ url } as IncomingMessage)).toBe(without);
  });
});
