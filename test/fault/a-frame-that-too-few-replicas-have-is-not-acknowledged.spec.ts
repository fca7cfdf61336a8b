import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RedisBroker } from '../../src/realtime/broker/redis-broker.js';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import { BrokerUnavailableError, RealtimeConfigError } from '../../src/realtime/realtime.errors.js';
import { freshRoom, freshUser, heard, offsetsIn, range, say } from '../support/chat.js';
import { startPods } from '../support/pods.js';
import { RedisProcess } from '../support/redis-process.js';
import { until } from '../support/within.js';

jest.setTimeout(60_000);

const SETTINGS = { historySize: 1_000, historyTtlMs: 60_000, dedupeTtlMs: 60_000, waitReplicas: 1 };
const ROOM = 'chat/general';

let master: RedisProcess;
let replica: RedisProcess;
let opened: RedisBroker[];

beforeEach(async () => {
  const config = { 'repl-diskless-sync-delay': '0' };
  [master, replica] = await Promise.all([RedisProcess.start({ config }), RedisProcess.start({ config })]);
  await replica.command('REPLICAOF', '127.0.0.1', String(master.port));
  await inSync();
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((broker) => broker.close()));
  await Promise.all([master.stop(), replica.stop()]);
});

/** Resolves when both say so: the master counts a replica only some time after the replica has all it was sent. */
function inSync(): Promise<void> {
  const isUp = async (): Promise<boolean> =>
    String(await replica.command('INFO', 'replication')).includes('master_link_status:up') &&
    String(await master.command('INFO', 'replication')).includes('state=online');
  return until('the replica is in sync', isUp, 20_000);
}

/** Resolves when the replica has read all that the master wrote. */
async function caughtUp(): Promise<void> {
  const readTo = async (server: RedisProcess, field: string): Promise<string | undefined> =>
    new RegExp(`${field}:(\\d+)`).exec(String(await server.command('INFO', 'replication')))?.[1];
  const hasAll = async (): Promise<boolean> =>
    (await readTo(replica, 'slave_repl_offset')) === (await readTo(master, 'master_repl_offset'));
  await until('the replica has read everything', hasAll);
}

/** How often the replica was told to set a key. */
async function setCalls(): Promise<number> {
  return Number(/cmdstat_set:calls=(\d+)/.exec(String(await replica.command('INFO', 'commandstats')))?.[1] ?? 0);
}

async function openBroker(): Promise<RedisBroker> {
  const broker = new RedisBroker({ connections: new RedisConnections({ redis: master.url }), ...SETTINGS });
  opened.push(broker);
  await broker.open();
  return broker;
}

describe('with redisWaitReplicas', () => {
  it('what is acknowledged is on the replica, however many publishes are under way', async () => {
    const broker = await openBroker();
    const publishing = range(1, 500).map((n) => broker.publish(ROOM, Buffer.from(`m${n}`), { store: true }));
    const offsets = await Promise.all(
      publishing.map(async (one) => {
        const { offset } = await one;
        return offset;
      }),
    );
    await master.kill();
    expect(offsets).toEqual(range(1, 500));
    expect(await replica.command('XLEN', `rookery:{${ROOM}}:s`)).toBe(500);
  });

  it('a frame that the replica does not have is stored, delivered and not acknowledged; sent again it is not stored twice', async () => {
    const pods = await startPods(2, () => ({ redis: master.url, redisWaitReplicas: 1 }));
    const room = freshRoom();
    const user = freshUser();
    const [speaker, listener] = [await pods.enter(room, user), await pods.enter(room, freshUser(), { pod: 1 })];
    await say(speaker, 'on both', { id: 'first' });
    replica.pause();
    const frame = { type: 'message', text: 'on one', id: 'second' };
    expect(await speaker.request(frame)).toMatchObject({ type: 'error', id: 'second', code: 'unavailable' });
    await heard(listener, 'on one');
    expect(await speaker.request(frame)).toMatchObject({ code: 'unavailable' });
    const elsewhere = await pods.enter(room, user, { pod: 1 });
    expect(await elsewhere.request(frame)).toMatchObject({ code: 'unavailable' });
    replica.resume();
    await inSync();
    expect(await elsewhere.request(frame)).toMatchObject({ type: 'ack', id: 'second', offset: 2 });
    expect(await say(speaker, 'on both again')).toMatchObject({ offset: 3 });
    await heard(listener, 'on both again');
    expect(offsetsIn(listener, room)).toEqual([1, 2, 3]);
    await pods.close();
  });

  it('a duplicate is waited for too, on a connection that did not write the first', async () => {
    const [one, other] = [await openBroker(), await openBroker()];
    replica.pause();
    for (const broker of [one, other]) {
      const publishing = broker.publish(ROOM, Buffer.from('x'), { store: true, dedupeKey: 'k' });
      await expect(publishing).rejects.toThrow(/redisWaitReplicas/);
    }
    replica.resume();
    await inSync();
    await caughtUp();
    const before = await setCalls();
    const again = await other.publish(ROOM, Buffer.from('x'), { store: true, dedupeKey: 'k' });
    expect(again).toMatchObject({ offset: 1, duplicate: true });
    // Since Redis 7.2 a connection waits for its own writes alone: it must have made one.
    expect(await setCalls()).toBe(before + 1);
  });

  it('a connection that is lost while replicas are waited for acknowledges nothing', async () => {
    const broker = await openBroker();
    await broker.publish(ROOM, Buffer.from('a'), { store: true });
    replica.pause();
    const publishing = ['b', 'c', 'd'].map((text) => broker.publish(ROOM, Buffer.from(text), { store: true }));
    const settled = Promise.allSettled(publishing);
    await until('it waits', async () => String(await master.command('CLIENT', 'LIST')).includes('cmd=wait'));
    await master.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    for (const result of await settled) {
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(BrokerUnavailableError) });
    }
    replica.resume();
  });

  it('a cluster, or memory, stops the start', async () => {
    const connections = new RedisConnections({ redis: `redis+cluster://127.0.0.1:${master.port}` });
    expect(() => new RedisBroker({ connections, ...SETTINGS })).toThrow(RealtimeConfigError);
    await expect(startPods(1, () => ({}), { redisWaitReplicas: 1 })).rejects.toThrow(/redisWaitReplicas/);
  });
});
