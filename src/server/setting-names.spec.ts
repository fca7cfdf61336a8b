import { expect, it } from '@jest/globals';
import { likeliest, nearMisses } from './setting-names.js';

const KNOWN = ['PORT', 'HOST', 'REDIS_URL', 'JWT_SECRET'];

it('finds names that are two letters or fewer away from a long one', () => {
  expect(nearMisses(['REDIS_URI', 'JWT_SECRETS', 'jwt_secret', 'JWTSECRET'], KNOWN)).toEqual([
    { name: 'REDIS_URI', meant: 'REDIS_URL' },
    { name: 'JWT_SECRETS', meant: 'JWT_SECRET' },
    { name: 'jwt_secret', meant: 'JWT_SECRET' },
    { name: 'JWTSECRET', meant: 'JWT_SECRET' },
  ]);
});

it('leaves alone what is another word, and what only begins alike', () => {
  expect(nearMisses(['HOME', 'POST', 'REDIS_PORT', 'REDIS_URL_INTERNAL', 'JWT_SECRET_FILE'], KNOWN)).toEqual([]);
});

it('guesses the nearest of the known, also for short names', () => {
  expect(likeliest('PROT', KNOWN)).toBe('PORT');
  expect(likeliest('HOTS', KNOWN)).toBe('HOST');
  expect(likeliest('SOMETHING', KNOWN)).toBeUndefined();
});
