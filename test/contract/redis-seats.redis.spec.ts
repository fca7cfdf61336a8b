import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import { RedisSeats } from '../../src/realtime/seats/redis-seats.js';
import { describeSeatsContract } from '../../src/testing/contracts/seats.contract.js';
import { RedisProcess } from '../support/redis-process.js';
import { until } from '../support/within.js';

let redis: RedisProcess;
beforeAll(async () => {
  redis = await RedisProcess.start();
});
afterAll(async () => redis.stop());

const LEASE_MS = 600;
const RULES = { most: 2, whenFull: 'reject' } as const;

async function open(prefix: string): Promise<{ connections: RedisConnections; seats: RedisSeats }> {
  const connections = new RedisConnections({ redis: redis.url, prefix });
  const seats = new RedisSeats({ connections, leaseMs: LEASE_MS });
  await seats.open();
  return { connections, seats };
}

describeSeatsContract({ describe, it, beforeEach, afterEach }, 'RedisSeats', {
  createPods: async () => {
    const prefix = `${randomUUID()}:`;
    const opened = [await open(prefix), await open(prefix)];
    return {
      pods: opened.map(({ seats }) => seats),
      // Its connection is gone, so that it gives no sign any more.
      crash: async (pod) => opened[pod]?.connections.close(),
      close: async () => {
        await Promise.all(opened.map(({ seats }) => seats.close()));
      },
    };
  },
});

describe('RedisSeats', () => {
  it('are held for longer than a lease by a pod that lives, and gone without a trace after it', async () => {
    const prefix = `${randomUUID()}:`;
    const { seats } = await open(prefix);
    const started = Date.now();
    await seats.take('u', 'c1', RULES);
    await seats.take('u', 'c2', RULES);
    while (Date.now() - started < 3 * LEASE_MS) {
      expect(await seats.take('u', 'c3', RULES)).toEqual({ granted: false });
    }
    await seats.close();
    await until('no key is left', async () => ((await redis.command('keys', `${prefix}*`)) as string[]).length === 0);
  });

  it('of two pods are both taken again after Redis lost its data', async () => {
    const prefix = `${randomUUID()}:`;
    const [a, b] = [(await open(prefix)).seats, (await open(prefix)).seats];
    await a.take('u', 'c1', RULES);
    await b.take('u', 'c2', RULES);
    await redis.command('flushall');
    await until('both are there again', async () => (await redis.command('zcard', `${prefix}{seat:=u}:o`)) === 2);
    expect(await a.take('u', 'c3', RULES)).toEqual({ granted: false });
    await Promise.all([a.close(), b.close()]);
  });

  it('that were replaced are told again to the pod that has them: a signal may get lost', async () => {
    const prefix = `${randomUUID()}:`;
    const [a, b] = [(await open(prefix)).seats, (await open(prefix)).seats];
    const told: unknown[] = [];
    a.onReplaced((userId, ids) => told.push([userId, ids]));
    await a.take('u', 'c1', { most: 1, whenFull: 'replace' });
    expect(await b.take('u', 'c2', { most: 1, whenFull: 'replace' })).toEqual({ granted: true, replaced: ['c1'] });
    await until('the pod of the old one hears of it', () => told.length > 0);
    expect(told[0]).toEqual(['u', ['c1']]);
    await Promise.all([a.close(), b.close()]);
  });

  it('are taken again by their pods after Redis lost its data', async () => {
    const prefix = `${randomUUID()}:`;
    const { seats } = await open(prefix);
    await seats.take('u', 'c1', RULES);
    await seats.take('u', 'c2', RULES);
    await redis.command('flushall');
    const order = `${prefix}{seat:=u}:o`;
    await until('both are there again', async () => (await redis.command('zcard', order)) === 2);
    expect(await seats.take('u', 'c3', RULES)).toEqual({ granted: false });
    await seats.close();
  });
});
