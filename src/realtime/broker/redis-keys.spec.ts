import { describe, expect, it } from '@jest/globals';
import { RealtimeConfigError } from '../realtime.errors.js';
import { RedisKeys, keyPart } from './redis-keys.js';

describe('RedisKeys', () => {
  it('puts the address of a room between braces in every name of it, so that a cluster keeps them together', () => {
    const keys = new RedisKeys();
    const names = [
      keys.metadata('chat/a'),
      keys.stream('chat/a'),
      keys.channel('chat/a'),
      keys.dedupe('chat/a', '2:u1:1:{x}'),
      keys.users('chat/a'),
      keys.names('chat/a'),
      keys.podCounts('chat/a'),
      keys.podUsers('chat/a', 'pod1'),
      keys.latestMetadata('chat/a'),
      keys.latestFrames('chat/a'),
      keys.latestVersions('chat/a'),
    ];
    for (const name of names) expect(/\{([^}]*)\}/.exec(name)?.[1]).toBe('chat/a');
    expect(new Set(names).size).toBe(names.length);
  });

  it('begins every name with the prefix', () => {
    const keys = new RedisKeys('shop-1:');
    expect(keys.metadata('chat/a')).toBe('shop-1:{chat/a}:m');
    expect(keys.signal()).toBe('shop-1:signal');
    expect(keys.pods()).toBe('shop-1:pods');
    expect(new RedisKeys('').stream('chat/a')).toBe('{chat/a}:s');
  });

  it('refuses a prefix that could change where a cluster puts a key', () => {
    expect(() => new RedisKeys('a{b}')).toThrow(RealtimeConfigError);
    expect(() => new RedisKeys('a b')).toThrow('redisPrefix');
  });

  it('keeps bans of different scopes and users apart', () => {
    const keys = new RedisKeys();
    expect(keys.ban('chat/a', 'bc')).not.toBe(keys.ban('chat/ab', 'c'));
    expect(keys.ban('*', '1:*x')).not.toBe(keys.ban('*1:', '*x'));
  });
});

describe('keyPart', () => {
  it('leaves short plain text readable', () => {
    expect(keyPart('2:u1:1:msg-1')).toBe('=2:u1:1:msg-1');
  });

  it('bounds the length whatever it is given', () => {
    for (const text of ['', 'x'.repeat(65), 'x'.repeat(10_000), '\u0000', 'grüße', '😀'.repeat(500)]) {
      expect(keyPart(text).length).toBeLessThanOrEqual(65);
    }
  });

  it('gives different texts different names, unpaired surrogates and imitations of a hash included', () => {
    const hashed = keyPart('\ud800');
    const texts = [
      '',
      ' ',
      'a',
      'a ',
      '\ud800',
      '\ud801',
      '\ufffd',
      hashed,
      hashed.slice(1),
      `=${hashed}`,
      'x'.repeat(64),
      'x'.repeat(65),
    ];
    expect(new Set(texts.map(keyPart)).size).toBe(texts.length);
  });
});
