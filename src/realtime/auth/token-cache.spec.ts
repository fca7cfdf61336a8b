import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Claims } from './identity.js';
import { TokenCache } from './token-cache.js';

const KEYS = 1;

function tokenOf(claims: Claims | string): string {
  const payload = typeof claims === 'string' ? claims : JSON.stringify(claims);
  return `header.${Buffer.from(payload).toString('base64url')}.signature`;
}

/** A cache, and the tokens that had to be checked. */
function setUp(size = 10, toleranceMs = 0) {
  const cache = new TokenCache(size, toleranceMs);
  const checked: string[] = [];
  const ask = (token: string, claims: Claims, keys = KEYS): Promise<Claims> =>
    cache.claimsOf(token, keys, async (text) => {
      checked.push(text);
      return JSON.parse(JSON.stringify(claims)) as Claims;
    });
  return { cache, checked, ask };
}

describe('TokenCache', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: 1_000_000 });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it.each<[string, Claims]>([
    ['a few claims', { sub: 'u1', exp: 1_060, roles: ['reader'], org: { id: 7, open: true, none: null } }],
    ['no exp', { sub: 'u1' }],
    ['an exp between two seconds', { sub: 'u1', exp: 1_060.5 }],
    ['letters of every width', { sub: 'u1', name: 'Zoë 名前 👩‍🚀 \ud800', '': '\u0000' }],
    ['numbers of every kind', { sub: 1e21, n: [-0.5, 1e-7, Number.MAX_SAFE_INTEGER] }],
    ['names that every object has', JSON.parse('{"sub":"u1","__proto__":{"admin":true},"constructor":1}') as Claims],
  ])('says of a token with %s what was verified, without another check', async (_what, claims) => {
    const { ask, checked } = setUp();
    const token = tokenOf(claims);
    const [first, second] = [await ask(token, claims), await ask(token, { sub: 'never asked' })];
    expect(checked).toEqual([token]);
    expect(first).toStrictEqual(claims);
    expect(second).toStrictEqual(claims);
  });

  it('knows a token until it expires, and as long as clocks may differ', async () => {
    const { ask, checked } = setUp(10, 5_000);
    const claims = { sub: 'u1', exp: 1_060 };
    await ask(tokenOf(claims), claims);
    jest.setSystemTime(1_064_999);
    await ask(tokenOf(claims), claims);
    expect(checked).toHaveLength(1);
    jest.setSystemTime(1_065_000);
    await ask(tokenOf(claims), claims);
    expect(checked).toHaveLength(2);
  });

  it('gives each caller claims of its own', async () => {
    const { ask } = setUp();
    const claims = { sub: 'u1', roles: ['reader'] };
    for (let i = 0; i < 3; i += 1) {
      const mine = (await ask(tokenOf(claims), claims)) as { roles: string[] };
      expect(mine).toEqual(claims);
      mine.roles.push('admin');
    }
  });

  it('knows nothing of a token whose text differs', async () => {
    const { ask, checked } = setUp();
    const token = tokenOf({ sub: 'u1' });
    const others = [`${token} `, `${token}x`, token.replace('header', 'Header'), tokenOf({ sub: 'u2' })];
    await ask(token, { sub: 'u1' });
    for (const other of others) await ask(other, {});
    expect(checked).toEqual([token, ...others]);
  });

  it('knows nothing of a token that other keys checked', async () => {
    const { ask, checked } = setUp();
    const token = tokenOf({ sub: 'u1' });
    for (const keys of [1, 1, 2, 2, 1]) await ask(token, { sub: 'u1' }, keys);
    expect(checked).toHaveLength(3);
  });

  it('does not remember what was checked while other keys came', async () => {
    const { cache, ask, checked } = setUp();
    const claims = { sub: 'u1' };
    const token = tokenOf(claims);
    let finish: (claims: Claims) => void = () => undefined;
    const slow = cache.claimsOf(token, 1, () => new Promise((resolve) => (finish = resolve)));
    await ask(tokenOf({ sub: 'u2' }), { sub: 'u2' }, 2);
    finish(claims);
    expect(await slow).toEqual(claims);
    await ask(token, claims, 2);
    expect(checked).toHaveLength(2);
  });

  it('remembers none that was refused, and throws on why', async () => {
    const { cache } = setUp();
    const refuse = jest.fn(() => Promise.reject(new Error('refused')));
    for (let i = 0; i < 2; i += 1) {
      await expect(cache.claimsOf(tokenOf({ sub: 'u1' }), KEYS, refuse)).rejects.toThrow('refused');
    }
    expect(refuse).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['has other claims in it than those that were verified', tokenOf({ sub: 'other' })],
    ['begins with a byte order mark, which jose does not see', tokenOf('\ufeff{"sub":"u1"}')],
    ['is of another form', 'token'],
    ['has no payload', 'header..signature'],
  ])('checks each time a text that %s', async (_what, token) => {
    const { ask, checked } = setUp();
    for (let i = 0; i < 2; i += 1) expect(await ask(token, { sub: 'u1' })).toEqual({ sub: 'u1' });
    expect(checked).toHaveLength(2);
  });

  it('forgets the token that was not seen for the longest time', async () => {
    const { ask, checked } = setUp(2);
    for (const sub of ['a', 'b', 'a', 'c', 'a', 'c', 'b']) await ask(tokenOf({ sub }), { sub });
    expect(checked).toEqual(['a', 'b', 'c', 'b'].map((sub) => tokenOf({ sub })));
  });

  it('remembers nothing with 0', async () => {
    const { ask, checked } = setUp(0);
    for (let i = 0; i < 2; i += 1) expect(await ask(tokenOf({ sub: 'u1' }), { sub: 'u1' })).toEqual({ sub: 'u1' });
    expect(checked).toHaveLength(2);
  });
});
