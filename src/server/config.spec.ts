import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { resolveOptions } from '../realtime/resolve-options.js';
import { ConfigError, configTable, parseConfig } from './config.js';

const SECRET = 'a'.repeat(32);
const { publicKey, privateKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

function problemsOf(env: NodeJS.ProcessEnv, namesInFile?: string[]): readonly string[] {
  try {
    parseConfig(env, namesInFile);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the defaults', () => {
  it('are those of the table, read like any value', () => {
    const written = Object.fromEntries(configTable.map((row) => [row.name, row.default]));
    const { signing: _, realtime, ...rest } = parseConfig({ JWT_SECRET: SECRET });
    const { signing: __, realtime: again, ...restAgain } = parseConfig({ ...written, JWT_SECRET: SECRET });
    expect(restAgain).toEqual(rest);
    expect(again).toEqual(realtime);
    expect(rest).toMatchObject({ port: 3000, host: undefined, heartbeatMs: 25_000, production: false });
  });

  it('count for a setting that is empty or blank', () => {
    expect(parseConfig({ PORT: '', HEARTBEAT_MS: '  ' })).toMatchObject({ port: 3000, heartbeatMs: 25_000 });
  });
});

describe('a value that can not be read', () => {
  it.each([
    ['PORT', 'http', 'PORT: expected a whole number from 0 to 65535, got "http".'],
    ['PORT', '65536', 'PORT: expected a whole number from 0 to 65535, got "65536".'],
    ['PORT', '-1', 'PORT: expected a whole number from 0 to 65535, got "-1".'],
    ['MAX_FRAME_BYTES', '0', 'MAX_FRAME_BYTES: expected a whole number from 1, got "0".'],
    ['DEDUPE_TTL_MS', '0', 'DEDUPE_TTL_MS: expected a whole number from 1, got "0".'],
    ['HISTORY_SIZE', '1e3', 'HISTORY_SIZE: expected a whole number from 0, got "1e3".'],
    [
      'HISTORY_SIZE',
      '99999999999999999999',
      'HISTORY_SIZE: expected a whole number from 0, got "99999999999999999999".',
    ],
    ['HEARTBEAT_MS', '25s', 'HEARTBEAT_MS: expected a whole number from 0 to 2147483647, got "25s".'],
    ['HEARTBEAT_MS', '99', 'HEARTBEAT_MS: expected 0 or a whole number from 100, got "99".'],
    ['ALLOW_ANONYMOUS', 'yes', 'ALLOW_ANONYMOUS: expected true or false, got "yes".'],
    ['HANDSHAKE_REFUSAL', 'none', 'HANDSHAKE_REFUSAL: expected one of auto, close, http, got "none".'],
    ['LOG_LEVEL', 'INFO', 'LOG_LEVEL: expected one of fatal, error, warn, info, debug, verbose, got "INFO".'],
    ['REDIS_PREFIX', 'a b', 'REDIS_PREFIX: expected only A-Z a-z 0-9 : _ -, got "a b".'],
    ['NODE_ENV', 'Production', 'NODE_ENV: expected production, in full and in lower case, got "Production".'],
    ['NODE_ENV', 'prod', 'NODE_ENV: expected production, in full and in lower case, got "prod".'],
    ['JWT_ISSUER', 'a,,b', 'JWT_ISSUER: expected a comma-separated list without empty places, got "a,,b".'],
  ])('stops the start with a sentence: %s=%s', (name, value, sentence) => {
    expect(problemsOf({ [name]: value })).toEqual([sentence]);
  });

  it.each(['example.org', 'https://example.org/path', 'https://', 'ftp://example.org'])(
    'is told for an origin that is none: %s',
    (origin) => {
      expect(problemsOf({ ALLOWED_ORIGINS: `https://a.example,${origin}` })).toHaveLength(1);
    },
  );

  it('is told for each setting at once', () => {
    expect(problemsOf({ PORT: 'x', LOG_FORMAT: 'y', TRUST_PROXY: 'z' })).toHaveLength(3);
  });

  it('is the only problem told, where another would follow from it', () => {
    expect(problemsOf({ NODE_ENV: 'production', JWT_PUBLIC_KEY: 'no key' })).toHaveLength(1);
  });

  it('is never repeated where it is a secret', () => {
    const problems = problemsOf({ JWT_PUBLIC_KEY: 'hush-1', REDIS_URL: 'http://:hush-2@host', JWT_SECRET: 'hush-3,' });
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain('hush');
  });
});

describe('names', () => {
  it('of a .env file must be settings', () => {
    expect(problemsOf({}, ['JWT_SECRTE', 'PORT', 'COLOUR'])).toEqual([
      '.env: JWT_SECRTE is no setting of this server; did you mean JWT_SECRET?',
      '.env: COLOUR is no setting of this server, see .env.example.',
    ]);
  });

  it('of the environment are warned about where they look like a misspelt setting', () => {
    const { warnings } = parseConfig({ HISTORY_SZIE: '5', HOME: '/root', POST: '1', REDIS_HOST: 'x' });
    expect(warnings).toEqual(['HISTORY_SZIE is set and is no setting of this server: did you mean HISTORY_SIZE?']);
  });
});

describe('keys', () => {
  it('made for a run are long, differ, and only without any key', () => {
    const [first, second] = [parseConfig({}), parseConfig({})];
    expect(first.secretIsRandom).toBe(true);
    expect(Buffer.byteLength(first.signing?.secret ?? '')).toBeGreaterThanOrEqual(32);
    expect(first.signing?.secret).not.toBe(second.signing?.secret);
    expect(parseConfig({ JWT_SECRET: SECRET }).secretIsRandom).toBe(false);
  });

  it.each([{ NODE_ENV: 'production' }, { REDIS_URL: 'redis://127.0.0.1:6379' }])(
    'are required in production and with Redis: %j',
    (env) => {
      expect(problemsOf(env)).toEqual([expect.stringContaining('needs a key')]);
      expect(problemsOf({ ...env, JWT_SECRET: SECRET })).toEqual([]);
      expect(problemsOf({ ...env, JWT_PUBLIC_KEY: publicKey })).toEqual([]);
      expect(problemsOf({ ...env, JWKS_URI: 'https://issuer.example/keys' })).toEqual([]);
    },
  );

  it('may be several, separated by commas', () => {
    const { realtime } = parseConfig({ JWT_SECRET: `${SECRET}, ${'b'.repeat(32)}` });
    expect(realtime.auth?.jwt?.secret).toEqual([SECRET, 'b'.repeat(32)]);
  });

  it('that are short are warned about, by number and not by value', () => {
    const { warnings } = parseConfig({ JWT_SECRET: `${SECRET},short` });
    expect(warnings).toEqual([expect.stringContaining('secret 2 has 5 bytes')]);
    expect(warnings.join()).not.toContain('short');
  });

  it('as PEM may stand on one line with \\n, one or several', () => {
    const oneLine = `${publicKey}${publicKey}`.replaceAll('\n', '\\n');
    const { realtime } = parseConfig({ JWT_PUBLIC_KEY: oneLine });
    expect(realtime.auth?.jwt?.publicKey).toEqual([publicKey.trim(), publicKey.trim()]);
  });

  it('as PEM must be public, readable, and of a kind that can be used', () => {
    expect(problemsOf({ JWT_PUBLIC_KEY: privateKey })).toEqual([expect.stringContaining('not a private one')]);
    const { publicKey: other } = generateKeyPairSync('ed25519');
    const pem = other.export({ type: 'spki', format: 'pem' }).toString();
    expect(problemsOf({ JWT_PUBLIC_KEY: pem })).toEqual([expect.stringContaining('an RSA or EC key')]);
    const broken = '-----BEGIN PUBLIC KEY-----\nMCowBQYD\n-----END PUBLIC KEY-----';
    expect(problemsOf({ JWT_PUBLIC_KEY: broken })).toEqual([expect.stringContaining('a public key that can be read')]);
  });

  it('by URL are taken over https, and over http with a warning in production', () => {
    const uri = 'https://issuer.example/keys';
    expect(parseConfig({ JWKS_URI: uri }).realtime.auth?.jwt).toMatchObject({ jwksUri: uri });
    expect(parseConfig({ JWKS_URI: uri })).toMatchObject({ secretIsRandom: false, devTokens: 'off', warnings: [] });
    const plain = { JWKS_URI: 'HTTP://issuer.example/keys' };
    expect(parseConfig(plain).warnings).toEqual([]);
    expect(parseConfig({ ...plain, NODE_ENV: 'production' }).warnings).toEqual([expect.stringContaining('https')]);
  });

  it.each(['issuer.example/keys', 'ftp://issuer.example/keys', 'https://me:hush@issuer.example/keys'])(
    'by URL are refused for %s, and what it holds is not repeated',
    (uri) => {
      const problems = problemsOf({ JWKS_URI: uri });
      expect(problems).toEqual([expect.stringContaining('JWKS_URI: expected a URL')]);
      expect(problems.join()).not.toContain('hush');
    },
  );

  it('in a cookie need pages that are named', () => {
    const env = { JWT_SECRET: SECRET, JWT_COOKIE: 'session' };
    expect(problemsOf(env)).toEqual([expect.stringContaining('ALLOWED_ORIGINS')]);
    expect(problemsOf({ ...env, ALLOWED_ORIGINS: '*' })).toEqual([expect.stringContaining('ALLOWED_ORIGINS')]);
    expect(problemsOf({ ...env, ALLOWED_ORIGINS: 'https://a.example' })).toEqual([]);
  });
});

describe('tokens for development', () => {
  it.each([
    [{}, 'loopback'],
    [{ DEV_TOKENS: 'true' }, 'everyone'],
    [{ DEV_TOKENS: 'false' }, 'off'],
    [{ JWT_SECRET: SECRET }, 'off'],
    [{ JWT_SECRET: SECRET, DEV_TOKENS: 'true' }, 'everyone'],
    [{ JWT_SECRET: SECRET, NODE_ENV: 'production' }, 'off'],
    [{ JWT_SECRET: SECRET, REDIS_URL: 'redis://127.0.0.1' }, 'off'],
  ])('%j: %s', (env, expected) => {
    expect(parseConfig(env).devTokens).toBe(expected);
  });

  it('are refused in production, and where nothing could sign them', () => {
    expect(problemsOf({ JWT_SECRET: SECRET, NODE_ENV: 'production', DEV_TOKENS: 'true' })).toHaveLength(1);
    expect(problemsOf({ JWT_PUBLIC_KEY: publicKey, DEV_TOKENS: 'true' })).toHaveLength(1);
  });

  it('are signed with the first secret, for the first issuer and audience', () => {
    const env = { JWT_SECRET: `${SECRET},${'b'.repeat(32)}`, DEV_TOKENS: 'true', JWT_ISSUER: 'i,j', JWT_AUDIENCE: 'a' };
    expect(parseConfig(env).signing).toEqual({ secret: SECRET, issuer: 'i', audience: 'a' });
  });
});

describe('what the library is told', () => {
  it('opens the chat alone to those without a token', () => {
    expect(parseConfig({ ALLOW_ANONYMOUS: 'true' }).realtime.auth?.allowAnonymous).toEqual(['chat']);
    expect(parseConfig({}).realtime.auth?.allowAnonymous).toBe(false);
  });

  it('has the rooms of a claim, and then nobody without a token', () => {
    expect(parseConfig({ ROOMS_CLAIM: 'rooms' }).realtime.auth?.roomsClaim).toBe('rooms');
    expect(parseConfig({}).realtime.auth?.roomsClaim).toBeUndefined();
    expect(problemsOf({ ROOMS_CLAIM: 'rooms', ALLOW_ANONYMOUS: 'true' })).toEqual([
      expect.stringContaining('ALLOW_ANONYMOUS'),
    ]);
  });

  it('carries each number under its name', () => {
    const { realtime } = parseConfig({
      LEAVE_GRACE_MS: '1',
      ANNOUNCE_UP_TO: '2',
      HISTORY_TTL_MS: '3',
    });
    expect(realtime).toMatchObject({ leaveGraceMs: 1, announceUpTo: 2, historyTtlMs: 3 });
  });

  it('takes Redis by its URLs', () => {
    for (const url of ['redis://h', 'rediss://:pw@h:6379/2', 'redis+cluster://h1:1,h2:2']) {
      expect(parseConfig({ REDIS_URL: url, JWT_SECRET: SECRET }).realtime.redis).toBe(url);
    }
  });
});

it('every row of the table has a unit, a description and a default that can be read', () => {
  for (const row of configTable) {
    expect(row.unit).not.toBe('');
    expect(row.description).toMatch(/\.$|-$/);
    if (row.default !== '') expect(() => row.read(row.default)).not.toThrow();
  }
});

it("has the library's own defaults", () => {
  const { realtime } = parseConfig({ JWT_SECRET: SECRET });
  expect(resolveOptions(realtime)).toEqual(resolveOptions({ auth: realtime.auth }));
});
