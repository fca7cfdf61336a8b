import { describe, expect, it } from '@jest/globals';
import { addressIn, everybodyIn, isNamespace, parseAddress, userAddress } from './address.js';

describe('parseAddress', () => {
  it.each([
    ['chat/general', 'chat', 'general'],
    ['a.b~c-d_e/x:@y', 'a.b~c-d_e', 'x:@y'],
  ])('%s is one', (text, namespace, room) => {
    expect(parseAddress(text)).toEqual({ address: text, namespace, room });
  });

  it('of a user is that of @me', () => {
    const { address } = userAddress('u/1 é');
    expect(parseAddress(address)).toEqual({ address, namespace: '@user', room: '@me' });
  });

  it.each([
    '',
    '/',
    'chat',
    'chat/',
    '/general',
    'chat/a/b',
    'chat/@me',
    'chat/@all',
    '@all/x',
    '@user/',
    '@user/a.b',
    'c hat/x',
    'chat/..',
  ])('%j is none', (text) => {
    expect(() => parseAddress(text)).toThrow(/expected an address like "chat\/general"/);
  });

  it('does not repeat a text without end', () => {
    expect(() => parseAddress('x'.repeat(10_000))).toThrow(/^.{1,250}$/);
  });
});

describe('addresses', () => {
  it('of two users are two, also where their ids differ in case, or look alike', () => {
    const ids = ['a', 'A', 'é', 'e\u0301', 'a/b', 'a_b', ' a', 'a\n'];
    expect(new Set(ids.map((id) => userAddress(id).address)).size).toBe(ids.length);
  });

  it('of everybody is no address that a client or an application can name', () => {
    const { address, room } = everybodyIn('chat');
    expect(address).toBe('chat/@all');
    expect(() => parseAddress(address)).toThrow();
    expect(addressIn('chat', 'x').address).not.toContain('@');
    expect(room).toBe('@all');
  });
});

describe('isNamespace', () => {
  it.each(['a', 'a.b', 'A_b~c-1', 'x'.repeat(64)])('%s is one', (name) => expect(isNamespace(name)).toBe(true));

  it.each(['', 'a/b', '@a', 'a b', 'a:b', 'é', 'x'.repeat(65)])('%j is none', (name) =>
    expect(isNamespace(name)).toBe(false),
  );
});
