import { describe, expect, it } from '@jest/globals';
import { RealtimeConfigError } from '../realtime.errors.js';
import { parseRedisUrl } from './redis-url.js';

describe('parseRedisUrl', () => {
  it('reads one server, with the port and the database that Redis has by default', () => {
    expect(parseRedisUrl('redis://cache')).toEqual({
      kind: 'single',
      options: { host: 'cache', port: 6379, db: 0 },
    });
    expect(parseRedisUrl('redis://127.0.0.1:7000/3')).toEqual({
      kind: 'single',
      options: { host: '127.0.0.1', port: 7000, db: 3 },
    });
  });

  it('reads user and password, percent-decoded, and an IPv6 host', () => {
    expect(parseRedisUrl('redis://app:p%40ss%2Fw%3Ard@[::1]:6380/')).toEqual({
      kind: 'single',
      options: { host: '::1', port: 6380, db: 0, username: 'app', password: 'p@ss/w:rd' },
    });
    expect(parseRedisUrl('redis://:secret@cache')).toMatchObject({ options: { password: 'secret' } });
    expect(parseRedisUrl('redis://:secret@cache').options).not.toHaveProperty('username');
  });

  it('takes rediss for TLS', () => {
    expect(parseRedisUrl('rediss://cache:6380').options).toMatchObject({ tls: {} });
    expect(parseRedisUrl('rediss+cluster://cache:6380').options).toEqual({ tls: {} });
    expect(parseRedisUrl('rediss+sentinel://s1/main').options).toMatchObject({
      tls: {},
      enableTLSForSentinelMode: true,
      sentinelTLS: {},
    });
  });

  it('reads the nodes of a cluster', () => {
    expect(parseRedisUrl('redis+cluster://u:p@h1,h2:7001,[fd00::1]:7002')).toEqual({
      kind: 'cluster',
      nodes: [
        { host: 'h1', port: 6379 },
        { host: 'h2', port: 7001 },
        { host: 'fd00::1', port: 7002 },
      ],
      options: { username: 'u', password: 'p' },
    });
  });

  it('reads Sentinels, the name of the master and the database', () => {
    expect(parseRedisUrl('redis+sentinel://user:pw@h1:26380,h2/main/2')).toEqual({
      kind: 'single',
      options: {
        username: 'user',
        password: 'pw',
        role: 'master',
        name: 'main',
        db: 2,
        sentinels: [
          { host: 'h1', port: 26380 },
          { host: 'h2', port: 26379 },
        ],
      },
    });
  });

  it.each([
    ['http://cache', 'no such URL'],
    ['cache:6379', 'no such URL'],
    ['redis://', 'no such URL'],
    ['redis://cache?db=2', 'no such URL'],
    ['redis://h1,h2', '+cluster or +sentinel'],
    ['redis://cache:99999', 'no host[:port]'],
    ['redis://cache:', 'no host[:port]'],
    ['redis://cache/x', 'no database number'],
    ['redis://cache/1/2', 'database number'],
    ['redis://user@cache', 'needs a password'],
    ['redis+cluster://h1/1', 'no database numbers'],
    ['redis+sentinel://h1', 'name of the master'],
    ['redis+sentinel://h1/main/0/x', 'name of the master'],
  ])('refuses %s with a sentence that says why', (url, why) => {
    expect(() => parseRedisUrl(url)).toThrow(RealtimeConfigError);
    expect(() => parseRedisUrl(url)).toThrow(why);
  });

  it('never shows a password in its error', () => {
    for (const url of [
      'redis://u:hunter2@h1,h2',
      'redis://u:hunter2%@h',
      'redis://u:hunter2@h/x',
      'redis://u:hunter2@h?x',
    ]) {
      expect(() => parseRedisUrl(url)).toThrow(RealtimeConfigError);
      expect(() => parseRedisUrl(url)).not.toThrow(/hunter2/);
    }
  });
});
