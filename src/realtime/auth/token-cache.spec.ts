import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TokenCache } from './token-cache.js';

const KEYS = 1;

describe('TokenCache', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 1_000_000 });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('knows a token until it expires, and as long as clocks may differ', () => {
    const cache = new TokenCache(10, 5_000);
    cache.put('token', { sub: 'u1', exp: 1_060 }, KEYS);
    jest.setSystemTime(1_064_999);
    expect(cache.get('token', KEYS)).toEqual({ sub: 'u1', exp: 1_060 });
    jest.setSystemTime(1_065_000);
    expect(cache.get('token', KEYS)).toBeUndefined();
    jest.setSystemTime(1_000_000);
    expect(cache.get('token', KEYS)).toBeUndefined();
  });

  it('gives each caller claims of its own', () => {
    const cache = new TokenCache(10, 0);
    cache.put('token', { sub: 'u1', roles: ['reader'] }, KEYS);
    const claims = cache.get('token', KEYS) as { roles: string[] };
    claims.roles.push('admin');
    expect(cache.get('token', KEYS)).toEqual({ sub: 'u1', roles: ['reader'] });
  });

  it('knows nothing of a token whose text differs, or that other keys checked', () => {
    const cache = new TokenCache(10, 0);
    cache.put('token', { sub: 'u1' }, KEYS);
    expect(cache.get('token ', KEYS)).toBeUndefined();
    expect(cache.get('token', KEYS + 1)).toBeUndefined();
  });

  it('forgets the token that was not seen for the longest time', () => {
    const cache = new TokenCache(2, 0);
    cache.put('a', { sub: 'a' }, KEYS);
    cache.put('b', { sub: 'b' }, KEYS);
    cache.get('a', KEYS);
    cache.put('c', { sub: 'c' }, KEYS);
    expect(['a', 'b', 'c'].map((token) => cache.get(token, KEYS)?.['sub'])).toEqual(['a', undefined, 'c']);
  });

  it('remembers nothing with 0', () => {
    const cache = new TokenCache(0, 0);
    cache.put('token', { sub: 'u1' }, KEYS);
    expect(cache.get('token', KEYS)).toBeUndefined();
  });
});
