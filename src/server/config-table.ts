import {
  adminKeys,
  ExpectedError,
  flag,
  heartbeatMs,
  httpUrl,
  list,
  nodeEnv,
  oneOf,
  origins,
  publicKeys,
  redisPrefix,
  redisUrl,
  text,
  timerMs,
  trustProxy,
  wholeNumber,
} from './setting-readers.js';
import type { Reader } from './setting-readers.js';

/** One setting of the server: what `.env.example` and the documents are made of. */
export interface ConfigRow<T = unknown> {
  readonly name: string;
  /** What its number or text is: `ms`, `bytes`, `true or false`, … */
  readonly unit: string;
  /** As written in `.env`. Empty: not set. */
  readonly default: string;
  readonly description: string;
  /** Whether its value is never shown, not even in an error. */
  readonly secret: boolean;
  readonly read: Reader<T>;
}

const settings = {
  NODE_ENV: row(
    nodeEnv,
    'word',
    'development',
    'production: a key is required and there are no tokens for development.',
  ),
  PORT: row(
    wholeNumber(0, 65_535),
    'TCP port',
    '3000',
    'Where the server listens. 0: any free port; the log tells which.',
  ),
  HOST: row(text, 'address', '', 'Address to listen on. Not set: every address of the machine.'),
  LOG_LEVEL: row(
    oneOf('fatal', 'error', 'warn', 'info', 'debug', 'verbose'),
    'word',
    'info',
    'Least important lines that are written: fatal, error, warn, info, debug, verbose.',
  ),
  LOG_FORMAT: row(
    oneOf('auto', 'json', 'text'),
    'word',
    'auto',
    'json: one object per line. text: for people. auto: text on a terminal, else json.',
  ),
  REDIS_URL: row(
    redisUrl,
    'URL',
    '',
    'Redis 7 or Valkey that joins several servers: redis[s]://h:p/db, redis[s]+cluster://h1,h2, redis[s]+sentinel://h1,h2/master/db. Not set: memory, one server.',
    true,
  ),
  REDIS_PREFIX: row(redisPrefix, 'text', 'rookery:', 'Begins the name of every key and channel. A-Z a-z 0-9 : _ -'),
  REDIS_WAIT_REPLICAS: row(
    wholeNumber(0),
    'replicas',
    '0',
    'That must have a frame before it is acknowledged. Not on a cluster. 0: none.',
  ),
  JWT_SECRET: row(
    list,
    'comma-separated list',
    '',
    'HMAC secrets for tokens, 32 bytes or more each. Several for a rotation: each of them is accepted.',
    true,
  ),
  JWT_PUBLIC_KEY: row(publicKeys, 'PEM', '', 'Public keys for tokens, \\n for line breaks.', true),
  JWKS_URI: row(
    httpUrl,
    'URL',
    '',
    'Where the issuer publishes the keys of its tokens (JWKS), https or http. Not set: only the keys above.',
    true,
  ),
  JWT_ISSUER: row(list, 'comma-separated list', '', 'Accepted iss of tokens. Not set: any.'),
  JWT_AUDIENCE: row(list, 'comma-separated list', '', 'Accepted aud of tokens. Not set: any.'),
  JWT_CACHE_SIZE: row(
    wholeNumber(0),
    'tokens',
    '10000',
    'Valid tokens that are remembered until they expire. 0: each is checked each time.',
  ),
  JWT_COOKIE: row(text, 'name', '', 'Cookie that may carry the token. Needs ALLOWED_ORIGINS. Not set: none.'),
  ROOMS_CLAIM: row(
    text,
    'name',
    '',
    'Claim of the token that lists the rooms its user may join, with * for any characters. Not set: every room.',
  ),
  ALLOW_ANONYMOUS: row(flag, 'true or false', 'false', 'Whether /ws/chat lets people in without a token.'),
  ALLOWED_ORIGINS: row(
    origins,
    'comma-separated list',
    '',
    'Origins that browsers may connect from, or *. Not set: the same host; outside production loopback too.',
  ),
  HANDSHAKE_REFUSAL: row(
    oneOf('auto', 'close', 'http'),
    'word',
    'auto',
    'How a refusal is told: close code, HTTP status, or by who asks (auto).',
  ),
  TRUST_PROXY: row(
    trustProxy,
    'true, false, hops or networks',
    'false',
    'Proxies whose X-Forwarded-For and X-Forwarded-Host are believed: true for the peer, a number of hops, or networks such as loopback,10.0.0.0/8.',
  ),
  MAX_HANDSHAKES_PER_SECOND: row(wholeNumber(0), 'handshakes/s', '0', 'Of this server; more get 503. 0: no limit.'),
  MAX_LOOP_LAG_MS: row(
    wholeNumber(0),
    'ms',
    '1000',
    'Event loop delay above which new handshakes get 503. 0: no limit.',
  ),
  MAX_CONNECTIONS: row(wholeNumber(0), 'connections', '0', 'Of this server; more get 503. 0: no limit.'),
  MAX_CONNECTIONS_PER_IP: row(wholeNumber(0), 'connections', '0', 'Of one address on this server. 0: no limit.'),
  MAX_CONNECTIONS_PER_USER: row(wholeNumber(0), 'connections', '0', 'Of one user over all servers. 0: no limit.'),
  WHEN_USER_IS_FULL: row(
    oneOf('reject', 'replace'),
    'word',
    'reject',
    'Who yields above MAX_CONNECTIONS_PER_USER: reject: the newcomer, replace: the oldest connection.',
  ),
  DEV_TOKENS: row(
    flag,
    'true or false',
    '',
    'POST /dev/token. true: for everyone. false: off. Not set: for this machine alone, where no key is set. Never in production.',
  ),
  ADMIN_KEY: row(
    adminKeys,
    'comma-separated list',
    '',
    'Opens /api and /dashboard to who shows it, 32 characters or more. Several for a rotation. Not set: neither is there.',
    true,
  ),
  MAX_FRAME_BYTES: row(wholeNumber(1), 'bytes', '65536', "Largest frame of a client. Can't be 0."),
  MAX_BUFFERED_BYTES: row(
    wholeNumber(0),
    'bytes',
    '1048576',
    'Queued for one slow reader before it is closed. 0: no limit.',
  ),
  MAX_BUFFERED_TOTAL_BYTES: row(
    wholeNumber(0),
    'bytes',
    '',
    'Queued for all readers together before the longest queues go. Not set: a quarter of the heap limit. 0: no limit.',
  ),
  HEARTBEAT_MS: row(heartbeatMs, 'ms', '25000', 'Between two pings, at least 100. 0: none.'),
  MESSAGES_PER_SECOND: row(wholeNumber(0), 'frames/s', '50', 'Of one connection. 0: no limit, for bursts neither.'),
  MESSAGES_BURST: row(wholeNumber(0), 'frames', '100', 'Of one connection at once. 0: no limit, for the rate neither.'),
  MAX_ERRORS_PER_MINUTE: row(wholeNumber(0), 'frames/min', '60', 'Faulty frames of one connection. 0: no limit.'),
  MAX_ROOMS_PER_CONNECTION: row(wholeNumber(0), 'rooms', '100', 'Of one connection at once. 0: no limit.'),
  HISTORY_SIZE: row(wholeNumber(0), 'frames', '1000', 'Kept per room. 0: no limit but the time.'),
  HISTORY_TTL_MS: row(
    wholeNumber(0),
    'ms',
    '86400000',
    "How long a room's frames are kept after its last one. 0: no limit.",
  ),
  DEDUPE_TTL_MS: row(wholeNumber(1), 'ms', '300000', "How long a frame's id is remembered. Can't be 0."),
  LEAVE_GRACE_MS: row(
    timerMs,
    'ms',
    '2000',
    'How long a lost connection may stay away before its user has left. 0: not at all.',
  ),
  ANNOUNCE_UP_TO: row(
    wholeNumber(0),
    'users',
    '100',
    'Rooms with more announce nobody who comes or goes. 0: no limit.',
  ),
  DRAIN_DELAY_MS: row(
    timerMs,
    'ms',
    '5000',
    'After SIGTERM or SIGINT: how long it goes on, not ready, until nobody is sent here any more. 0: not at all.',
  ),
  DRAIN_MS: row(timerMs, 'ms', '15000', 'After that: over how long connections are closed. 0: all at once.'),
  NATIVE_WRITES: row(
    oneOf('auto', 'off'),
    'word',
    'auto',
    'auto: one call writes a frame to all members of a room, where npm run build:native was run. off: never.',
  ),
};

/** Every setting that the server has. What is not here has no effect. */
export const configTable: readonly ConfigRow[] = Object.entries(settings).map(([name, rest]) => ({ name, ...rest }));

/** What was read: a setting without a default is undefined where it is not set. */
export type Settings = {
  readonly [Name in keyof typeof settings]:
    ReturnType<(typeof settings)[Name]['read']> | ((typeof settings)[Name]['default'] extends '' ? undefined : never);
};

/** Says whether a name is one of the settings. */
export function isSetting(name: string): boolean {
  return Object.hasOwn(settings, name);
}

/**
 * Reads every setting that is set; one that is empty or blank counts as not set.
 *
 * @returns the values, and one sentence for each that can't be read; secrets are not repeated in it.
 */
export function readSettings(env: NodeJS.ProcessEnv): { values: Settings; problems: string[] } {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const { name, default: byDefault, secret, read } of configTable) {
    const given = env[name]?.trim() || byDefault;
    if (given === '') continue;
    try {
      values[name] = read(given);
    } catch (error) {
      if (!(error instanceof ExpectedError)) throw error;
      const got = secret ? 'something else (not shown)' : JSON.stringify(given);
      problems.push(`${name}: expected ${error.expected}, got ${got}.`);
    }
  }
  return { values: values as Settings, problems };
}

function row<T, const Default extends string>(
  read: Reader<T>,
  unit: string,
  byDefault: Default,
  description: string,
  secret = false,
) {
  return { read, unit, default: byDefault, description, secret };
}
