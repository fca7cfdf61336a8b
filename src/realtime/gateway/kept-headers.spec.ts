import { describe, expect, it } from '@jest/globals';
import { keptHeaders } from './kept-headers.js';

describe('the headers that a connection keeps', () => {
  it('are all that a guard may look for, and none of the upgrade', () => {
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
    expect(keptHeaders({ ...ofUpgrade, ...asked })).toEqual(asked);
  });

  it('are right though every request has another user agent', () => {
    for (let i = 0; i < 2_000; i += 1) {
      const headers = {
        'user-agent': `agent ${i % 700}`,
        host: 'h'.repeat(i),
        cookie: `a=${i}`,
      };
      expect(keptHeaders(headers)).toEqual(headers);
    }
  });
});
