import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { TestClient } from '../../src/testing/index.js';
import { freshRoom, freshUser } from '../support/chat.js';
import { startPods } from '../support/pods.js';
import type { Pods } from '../support/pods.js';
import { RedisProcess } from '../support/redis-process.js';

describe('a limit per user, over pods on Redis', () => {
  let redis: RedisProcess;
  let chat: Pods;

  beforeAll(async () => {
    redis = await RedisProcess.start();
  });
  afterEach(() => chat.close());
  afterAll(() => redis.stop());

  async function start(whenUserIsFull: 'reject' | 'replace'): Promise<void> {
    const shared = { redis: redis.url, redisPrefix: `${randomUUID()}:` };
    chat = await startPods(2, () => shared, { maxConnectionsPerUser: 2, whenUserIsFull });
  }

  it('HS4 counts the connections of all pods', async () => {
    await start('reject');
    const sub = freshUser();
    await chat.enter(freshRoom(), sub, { pod: 0 });
    await chat.enter(freshRoom(), sub, { pod: 1 });
    for (const url of chat.urls) {
      expect((await TestClient.refusal(`${url}/ws/chat`, { token: chat.token(sub) })).status).toBe(429);
    }
  });

  it('HS4 closes the oldest connection with 4502 on whichever pod it is', async () => {
    await start('replace');
    const sub = freshUser();
    const oldest = await chat.enter(freshRoom(), sub, { pod: 0 });
    const others = [await chat.enter(freshRoom(), sub, { pod: 1 }), await chat.enter(freshRoom(), sub, { pod: 1 })];
    expect(await oldest.closed()).toEqual({ code: 4502, reason: 'replaced' });
    expect(others.map(({ isOpen }) => isOpen)).toEqual([true, true]);
  });
});
