import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RedisBroker } from '../../src/realtime/broker/redis-broker.js';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import { RedisPresence } from '../../src/realtime/presence/redis-presence.js';
import { RealtimeConfigError } from '../../src/realtime/realtime.errors.js';
import { describeBrokerContract } from '../../src/testing/contracts/broker.contract.js';
import { describePresenceContract } from '../../src/testing/contracts/presence.contract.js';
import { receive } from '../../src/testing/contracts/received.js';
import { brokerPods, presencePods } from '../support/contract-pods.js';
import { RedisSentinel } from '../support/redis-sentinel.js';

const SETTINGS = { historySize: 1_000, historyTtlMs: 60_000, dedupeTtlMs: 60_000 };

let redis: RedisSentinel;
beforeAll(async () => {
  redis = await RedisSentinel.start({ password: 'swordfish' });
}, 60_000);
afterAll(async () => redis.stop());

describeBrokerContract({ describe, it, beforeEach, afterEach }, 'RedisBroker behind Sentinels', {
  createPods: brokerPods(
    () => redis.url,
    async () => void (await (await redis.master()).command('DEBUG', 'CHANGE-REPL-ID')),
  ),
});

describePresenceContract({ describe, it, beforeEach, afterEach }, 'RedisPresence behind Sentinels', {
  createPods: presencePods(() => redis.url),
});

describe('Sentinels', () => {
  it('lead nobody in with a wrong password, who is told at once', async () => {
    const connections = new RedisConnections({ redis: redis.url.replace('swordfish', 'hunter2') });
    const broker = new RedisBroker({ connections, ...SETTINGS });
    await expect(broker.open()).rejects.toThrow(RealtimeConfigError);
    await expect(new RedisConnections({ redis: redis.url.replace(':swordfish@', '') }).open()).rejects.toThrow(
      /NOAUTH/,
    );
  });

  it('lead to servers without a password too', async () => {
    const open = await RedisSentinel.start();
    const connections = new RedisConnections({ redis: open.url });
    const [broker, presence] = [new RedisBroker({ connections, ...SETTINGS }), new RedisPresence({ connections })];
    await broker.open();
    await presence.open();
    const received = await receive(broker, 'chat/general');
    await broker.publish('chat/general', Buffer.from('x'), { store: true });
    await received.text('x');
    const { frames } = await broker.history('chat/general', { since: 0, limit: 10, maxBytes: 1_000 });
    expect(frames.map(({ payload }) => payload.toString())).toEqual(['x']);
    await presence.enter('chat/general', { id: 'u', name: 'U' });
    expect(await presence.count('chat/general')).toBe(1);
    await presence.close(0);
    await broker.close();
    await open.stop();
  }, 60_000);

  it('that are asked for a master that they do not watch are told apart from those that are away', async () => {
    const connections = new RedisConnections({ redis: `${redis.url}x`, openTimeoutMs: 1_000 });
    await expect(connections.open()).rejects.toThrow(/[Ss]entinel/);
  });
});
