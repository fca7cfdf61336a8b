import { describe, expect, it } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { createCommandClient, createSubscriberClient, isCluster } from './redis-settings.js';

const FORCED = {
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: 1_000,
};

describe('createCommandClient', () => {
  it('sets what correctness depends on, whatever was given, and connects to nothing yet', () => {
    const wrong = {
      autoResendUnfulfilledCommands: true,
      enableOfflineQueue: true,
      commandTimeout: 60_000,
      lazyConnect: false,
    };
    for (const source of ['redis://127.0.0.1:1', { host: '127.0.0.1', port: 1, ...wrong }]) {
      const client = createCommandClient(source, 1_000) as Redis;
      expect(client.status).toBe('wait');
      expect(client.options).toMatchObject({
        ...FORCED,
        host: '127.0.0.1',
        port: 1,
        connectionName: 'rookery:commands',
      });
    }
  });

  it('takes the address, the credentials and the TLS of a factory’s client', () => {
    const template = new Redis({
      host: 'cache',
      port: 1,
      password: 'x',
      tls: {},
      lazyConnect: true,
      connectionName: 'shop',
    });
    const client = createCommandClient(() => template, 1_000) as Redis;
    expect(client).not.toBe(template);
    expect(client.options).toMatchObject({
      ...FORCED,
      host: 'cache',
      password: 'x',
      tls: {},
      connectionName: 'shop:commands',
    });
    expect(template.status).toBe('end');
  });

  it('wires Sentinels', () => {
    const client = createCommandClient('redis+sentinel://u:p@127.0.0.1:1,127.0.0.1:2/main/3', 1_000) as Redis;
    expect(client.options).toMatchObject({
      ...FORCED,
      name: 'main',
      role: 'master',
      db: 3,
      username: 'u',
      password: 'p',
      sentinels: [
        { host: '127.0.0.1', port: 1 },
        { host: '127.0.0.1', port: 2 },
      ],
    });
  });

  it('makes a Cluster that never sends a command again whose answer was lost', () => {
    const given = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true, redisOptions: { password: 'x' } });
    for (const source of ['redis+cluster://:x@127.0.0.1:1', () => given]) {
      const client = createCommandClient(source, 1_000);
      expect(isCluster(client)).toBe(true);
      expect(client.status).toBe('wait');
      expect(client.options).toMatchObject({
        enableOfflineQueue: false,
        retryDelayOnFailover: 0,
        retryDelayOnClusterDown: 0,
        scaleReads: 'master',
        shardedSubscribers: false,
        redisOptions: { ...FORCED, password: 'x' },
      });
    }
  });

  it('tries again soon at first, and never waits long', () => {
    const { retryStrategy } = (createCommandClient('redis://127.0.0.1:1', 1_000) as Redis).options;
    for (const attempt of [1, 2, 5, 10, 1_000]) {
      const delayMs = Number(retryStrategy?.(attempt));
      expect(delayMs).toBeGreaterThan(20);
      expect(delayMs).toBeLessThanOrEqual(attempt === 1 ? 70 : 2_500);
    }
  });
});

describe('createSubscriberClient', () => {
  it('is for the same server, under a name of its own', () => {
    const commands = createCommandClient('redis://:x@127.0.0.1:1/2', 1_000) as Redis;
    const subscriber = createSubscriberClient(commands, 1_000);
    expect(subscriber.status).toBe('wait');
    expect(subscriber.options).toMatchObject({
      ...FORCED,
      host: '127.0.0.1',
      port: 1,
      db: 2,
      password: 'x',
      connectionName: 'rookery:subscriber',
    });
  });
});
