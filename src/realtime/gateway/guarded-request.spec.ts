import { describe, expect, it } from '@jest/globals';
import { fieldsWithoutToken, headersToKeep } from './guarded-request.js';

describe('what a connection keeps of its request', () => {
  it('is every header that a guard may look for, and none of the upgrade', () => {
    const asked = {
      authorization: 'Bearer t',
      cookie: 'a=1',
      host: 'example.org',
      origin: 'https://example.org',
      'sec-websocket-protocol': 'rookery.v1, bearer.t',
      'user-agent': 'x',
      'x-forwarded-for': '192.0.2.1',
    };
    const ofUpgrade = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-version': '13',
      'sec-websocket-extensions': 'permessage-deflate',
    };
    expect(headersToKeep({ ...ofUpgrade, ...asked })).toEqual(asked);
  });

  it('is every field of the query but the token', () => {
    expect(fieldsWithoutToken({ token: 't', tab: '2' })).toEqual({ tab: '2' });
    expect(fieldsWithoutToken({ token: 't' })).toEqual({});
    expect(fieldsWithoutToken({})).toEqual({});
  });
});
