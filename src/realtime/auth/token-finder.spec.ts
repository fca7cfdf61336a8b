import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { findToken, offeredSubprotocols } from './token-finder.js';

function request(headers: Record<string, string>, url = '/ws'): IncomingMessage {
  return { headers, url } as unknown as IncomingMessage;
}

const EVERYTHING = {
  authorization: 'Bearer header',
  'sec-websocket-protocol': 'rookery.v1, bearer.subprotocol',
  cookie: 'a=1; sid=cookie; b=2',
};

describe('findToken (HS2)', () => {
  it('looks at header, subprotocol, query and cookie, in this order', () => {
    const { authorization, 'sec-websocket-protocol': protocols, cookie } = EVERYTHING;
    expect(findToken(request(EVERYTHING, '/ws?token=query'), 'sid')).toBe('header');
    expect(findToken(request({ 'sec-websocket-protocol': protocols, cookie }, '/ws?token=query'), 'sid')).toBe(
      'subprotocol',
    );
    expect(findToken(request({ cookie }, '/ws?token=query'), 'sid')).toBe('query');
    expect(findToken(request({ cookie }), 'sid')).toBe('cookie');
    expect(findToken(request({ cookie }), undefined)).toBeUndefined();
    expect(findToken(request({ cookie }), 'other')).toBeUndefined();
    expect(findToken(request({ authorization }), undefined)).toBe('header');
  });

  it.each(['Bearer x', 'bearer x', 'BEARER  x ', 'Bearer   x'])('reads Authorization: %j', (authorization) => {
    expect(findToken(request({ authorization }), undefined)).toBe('x');
  });

  it.each(['Bearer', 'Bearer ', 'Bearer a b', 'Bearer\tgarbage'])(
    'finds a token in Authorization: %j, which then is refused',
    (authorization) => {
      expect(findToken(request({ authorization }), undefined)).toBe(authorization.slice(6).trim());
    },
  );

  it.each(['Basic x', 'x', 'Bearerx', ''])('finds nothing in Authorization: %j', (authorization) => {
    expect(findToken(request({ authorization }), undefined)).toBeUndefined();
  });

  it('an empty token is a token that is there: it must be refused, not overlooked', () => {
    expect(findToken(request({}, '/ws?token='), undefined)).toBe('');
    expect(findToken(request({ 'sec-websocket-protocol': 'rookery.v1,bearer.' }), undefined)).toBe('');
    expect(findToken(request({ cookie: 'sid=' }), 'sid')).toBe('');
  });

  it('takes the first of several in the query, and no name that only looks like it', () => {
    expect(findToken(request({}, '/ws?a=1&token=one&token=two'), undefined)).toBe('one');
    expect(findToken(request({}, '/ws?Token=x&xtoken=y'), undefined)).toBeUndefined();
    expect(findToken(request({}, '/ws/token=x'), undefined)).toBeUndefined();
    expect(findToken(request({}, '/ws?to%6ben=x'), undefined)).toBe('x');
  });

  it('has no cookie of that name on the prototype', () => {
    expect(findToken(request({ cookie: 'a=1' }), 'constructor')).toBeUndefined();
    expect(findToken(request({}), '__proto__')).toBeUndefined();
  });
});

describe('offeredSubprotocols', () => {
  it('takes the header apart', () => {
    expect(offeredSubprotocols(request({}))).toEqual([]);
    expect(offeredSubprotocols(request({ 'sec-websocket-protocol': 'a ,b,  bearer.x.y' }))).toEqual([
      'a',
      'b',
      'bearer.x.y',
    ]);
  });
});
