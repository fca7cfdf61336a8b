import { describe, expect, it } from '@jest/globals';
import { anonymousIdentity, cleanName, identityOf } from './identity.js';

describe('identityOf', () => {
  it.each<[object, string]>([
    [{ sub: 'u1' }, 'u1'],
    [{ sub: 7 }, '7'],
    [{ id: 'u1' }, 'u1'],
    [{ userId: 5 }, '5'],
    [{ sub: 'u1', id: 'other' }, 'u1'],
    [{ sub: 'x'.repeat(128) }, 'x'.repeat(128)],
  ])('%j has the id %s', (claims, id) => {
    expect(identityOf(claims as Record<string, unknown>)?.id).toBe(id);
  });

  it.each<object>([
    {},
    { sub: '' },
    { sub: null },
    { sub: {} },
    { sub: ['a'] },
    { sub: true },
    { sub: 'x'.repeat(129) },
    { name: 'Ada' },
    { sub: '\ud800' },
  ])('%j names nobody', (claims) => {
    expect(identityOf(claims as Record<string, unknown>)).toBeUndefined();
  });

  it('takes exp for the end, in milliseconds', () => {
    expect(identityOf({ sub: 'u', exp: 10 })?.expiresAt).toBe(10_000);
    expect(identityOf({ sub: 'u' })).not.toHaveProperty('expiresAt');
    expect(identityOf({ sub: 'u', exp: '10' })).not.toHaveProperty('expiresAt');
  });

  it('takes id, name and end of the mapping where there is one, and keeps the claims', () => {
    const claims = { sub: 'u', name: 'Ada', exp: 10, role: 'x' };
    expect(identityOf(claims, { id: 'm', name: 'Mapped', expiresAt: 5 })).toEqual({
      id: 'm',
      name: 'Mapped',
      claims,
      anonymous: false,
      expiresAt: 5,
    });
    expect(identityOf(claims, { id: 'm' })).toMatchObject({ id: 'm', name: 'm', expiresAt: 10_000 });
    expect(identityOf(claims, { id: '' })).toBeUndefined();
  });

  it('finds a name for everybody', () => {
    expect(identityOf({ sub: 'u1', name: '\u0000' })?.name).toBe('u1');
    expect(identityOf({ sub: '\u0007' })?.name).toBe('user');
  });
});

describe('cleanName', () => {
  it.each<[unknown, string]>([
    ['Ada', 'Ada'],
    ['  Ada  ', 'Ada'],
    ['A\u0000\u001b[31md\na\u007f', 'A[31mda'],
    ['\u202eevil\u2066\u2028', 'evil'],
    ['x'.repeat(70), 'x'.repeat(64)],
    ['👩‍🚀', '👩‍🚀'],
    ['😀'.repeat(70), '😀'.repeat(64)],
    [7, ''],
    [undefined, ''],
    [{}, ''],
  ])('makes %j fit to be shown', (name, clean) => {
    expect(cleanName(name)).toBe(clean);
  });

  it('does not cut a character in two', () => {
    expect(cleanName(`${'x'.repeat(63)}😀y`)).toBe(`${'x'.repeat(63)}😀`);
  });
});

describe('anonymousIdentity', () => {
  it('is another one each time', () => {
    const [one, other] = [anonymousIdentity('a'), anonymousIdentity('a')];
    expect(one).toMatchObject({ id: expect.stringMatching(/^anon-[0-9a-f-]{36}$/), name: 'a', anonymous: true });
    expect(one.id).not.toBe(other.id);
  });
});
