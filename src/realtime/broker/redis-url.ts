import type { ClusterNode, RedisOptions } from 'ioredis';
import { RealtimeConfigError } from '../realtime.errors.js';

/** Where a URL points. */
export type RedisTarget =
  /** One server, or the present master behind Sentinels. */
  | { readonly kind: 'single'; readonly options: RedisOptions }
  | { readonly kind: 'cluster'; readonly nodes: readonly ClusterNode[]; readonly options: RedisOptions };

const FORMS =
  'expected redis[s]://[user:password@]host[:port][/db], redis[s]+cluster://[user:password@]host1[:port],host2[:port] ' +
  'or redis[s]+sentinel://[user:password@]host1[:port],host2[:port]/<master>[/<db>]';

const URL_PARTS = /^(rediss?)(\+cluster|\+sentinel)?:\/\/(?:([^@/]*)@)?([^@/?#]+)(\/[^?#]*)?$/;
const HOST = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/;
const REDIS_PORT = 6379;
const SENTINEL_PORT = 26379;

/**
 * Reads the URL of a server, of Sentinels or of a cluster. User and password are those of the Redis servers and
 * percent-encoded where they hold one of `@ / : ? # %`; `rediss` means TLS on every connection, Sentinels' too.
 *
 * @throws RealtimeConfigError bad_config — the URL is none. The message never holds the password.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const [matched, scheme, form, userInfo, authority = '', path = ''] = URL_PARTS.exec(url) ?? [];
  if (matched === undefined) throw badUrl('it is no such URL');
  const options: RedisOptions = { ...credentials(userInfo), ...(scheme === 'rediss' ? { tls: {} } : {}) };
  const segments = path.split('/').slice(1).map(decode);
  if (form === '+cluster') {
    if (segments.some((segment) => segment !== ''))
      throw badUrl('a cluster has no database numbers: take the path out');
    return { kind: 'cluster', nodes: hosts(authority, REDIS_PORT), options };
  }
  if (form === '+sentinel') {
    const [name, db, ...rest] = segments;
    if (!name || rest.length > 0)
      throw badUrl('the path must be the name of the master, then perhaps a database number');
    return {
      kind: 'single',
      options: { ...options, ...sentinels(authority, scheme === 'rediss'), name, db: dbOf(db) },
    };
  }
  const [host, ...others] = hosts(authority, REDIS_PORT);
  if (!host || others.length > 0) throw badUrl('several hosts need +cluster or +sentinel after the scheme');
  if (segments.length > 1) throw badUrl('the path must be a database number');
  return { kind: 'single', options: { ...options, ...host, db: dbOf(segments[0]) } };
}

function sentinels(authority: string, secure: boolean): RedisOptions {
  const found = { sentinels: hosts(authority, SENTINEL_PORT), role: 'master' } as const;
  return secure ? { ...found, enableTLSForSentinelMode: true, sentinelTLS: {} } : found;
}

function credentials(userInfo: string | undefined): RedisOptions {
  if (!userInfo) return {};
  const colon = userInfo.indexOf(':');
  const username = decode(colon < 0 ? userInfo : userInfo.slice(0, colon));
  if (colon < 0) throw badUrl('a user needs a password: write user:password@, or :password@ for the default user');
  return { ...(username ? { username } : {}), password: decode(userInfo.slice(colon + 1)) };
}

function hosts(authority: string, defaultPort: number): { host: string; port: number }[] {
  return authority.split(',').map((text) => {
    const [matched, ipv6, name, port] = HOST.exec(text) ?? [];
    const host = ipv6 ?? name;
    const number = port === undefined ? defaultPort : Number(port);
    if (matched === undefined || host === undefined || number < 1 || number > 65_535) {
      throw badUrl(`${JSON.stringify(text)} is no host[:port]`);
    }
    return { host, port: number };
  });
}

function dbOf(text: string | undefined): number {
  if (!text) return 0;
  if (!/^\d{1,5}$/.test(text)) throw badUrl(`${JSON.stringify(text)} is no database number`);
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // What is malformed may be the password: it is not shown.
    throw badUrl('a % in it is followed by no two hexadecimal digits');
  }
}

function badUrl(why: string): RealtimeConfigError {
  return new RealtimeConfigError(`redis: ${FORMS}; ${why}`);
}
