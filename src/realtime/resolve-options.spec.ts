import { describe, expect, it } from '@jest/globals';
import { RealtimeConfigError } from './realtime.errors.js';
import { resolveOptions } from './resolve-options.js';
import type { RealtimeOptions } from './realtime.options.js';

describe('the options', () => {
  it('have the defaults that their comments tell', () => {
    expect(resolveOptions({})).toMatchObject({
      redisPrefix: 'rookery:',
      maxFrameBytes: 65_536,
      maxBufferedBytes: 1_048_576,
      heartbeatMs: 25_000,
      messagesPerSecond: 50,
      messagesBurst: 100,
      maxErrorsPerMinute: 60,
      maxRoomsPerConnection: 100,
      historySize: 1_000,
      historyTtlMs: 86_400_000,
      dedupeTtlMs: 300_000,
      leaveGraceMs: 2_000,
      announceUpTo: 100,
      positionCheckMs: 10_000,
      nativeWrites: 'auto',
      handshake: { refusal: 'auto', trustProxy: false, guardTimeoutMs: 5_000, globalGuards: false },
    });
  });

  it('have no rate where bursts have no limit', () => {
    expect(resolveOptions({ messagesBurst: 0 }).messagesPerSecond).toBe(0);
  });

  it.each<[string, RealtimeOptions]>([
    ['maxFrameBytes', { maxFrameBytes: 0 }],
    ['dedupeTtlMs', { dedupeTtlMs: 0 }],
    ['heartbeatMs', { heartbeatMs: -1 }],
    ['heartbeatMs', { heartbeatMs: 99 }],
    ['historySize', { historySize: 1.5 }],
    ['redisPrefix', { redisPrefix: 'a{b}' }],
    ['nativeWrites', { nativeWrites: 'on' as 'auto' }],
    ['allowedOrigins', { handshake: { allowedOrigins: ['example.org'] } }],
    ['allowedOrigins', { handshake: { allowedOrigins: ['https://example.org/path'] } }],
    ['cookie', { auth: { jwt: { secret: 's', cookie: 'token' } } }],
    ['cookie', { auth: { jwt: { secret: 's', cookie: 'token' } }, handshake: { allowedOrigins: ['*'] } }],
  ])('refuse %s where it can not be used, and say so', (name, options) => {
    expect(() => resolveOptions(options)).toThrow(RealtimeConfigError);
    expect(() => resolveOptions(options)).toThrow(name);
  });

  it('take origins as browsers write them', () => {
    const { handshake } = resolveOptions({
      handshake: { allowedOrigins: ['https://Example.org/', 'http://h:8080', '*'] },
    });
    expect(handshake.allowedOrigins).toEqual(['https://example.org', 'http://h:8080', '*']);
  });
});
