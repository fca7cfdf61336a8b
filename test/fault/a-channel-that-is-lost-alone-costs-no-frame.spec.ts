import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import type { RealtimeOptions } from '../../src/index.js';
import { freshRoom, freshUser, heard, offsetsIn, say } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { RedisProcess } from '../support/redis-process.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { boardOf, priced, quote, watch } from '../support/ticker.js';
import { until } from '../support/within.js';

const POSITION_CHECK_MS = 1_000;

// Processes start here; a busy machine takes its time.
jest.setTimeout(60_000);

let redis: RedisProcess;
let proxy: TcpProxy;
const chats: ChatServer[] = [];

beforeEach(async () => {
  redis = await RedisProcess.start();
  proxy = await startTcpProxy(redis.port);
});

afterEach(async () => {
  await Promise.all(chats.splice(0).map((chat) => chat.close()));
  await proxy.close();
  await redis.stop();
});

async function startPod(port: number, options: RealtimeOptions = {}): Promise<ChatServer> {
  const chat = await startChat({ redis: `redis://127.0.0.1:${port}`, ...options });
  chats.push(chat);
  return chat;
}

it('unsubscribed behind the back of the pod, one last frame, silence: it is delivered, and the channel is there again', async () => {
  const pod = await startPod(proxy.port, { positionCheckMs: POSITION_CHECK_MS });
  const other = await startPod(redis.port);
  const [room, quiet] = [freshRoom(), freshRoom()];
  const alice = await pod.enter(room, freshUser('alice'));
  const carol = await pod.enter(quiet, freshUser('carol'));
  const bob = await other.enter(room, freshUser('bob'));
  const channel = `rookery:{chat/${room}}:c`;
  const subscribers = async (): Promise<unknown> =>
    ((await redis.command('PUBSUB', 'NUMSUB', channel)) as unknown[])[1];
  expect(await subscribers()).toBe(2);

  proxy.inject(`UNSUBSCRIBE ${channel}\r\n`);
  await until('Redis has ended the subscription', async () => (await subscribers()) === 1);
  await say(bob, 'the last one');
  await heard(alice, 'the last one');

  // What is not stored can't be repaired: it comes only where the channel is subscribed again.
  await until('the channel is subscribed again', async () => (await subscribers()) === 2, 5 * POSITION_CHECK_MS);
  bob.send({ type: 'typing', room });
  await alice.next('typing');
  expect(offsetsIn(alice, room)).toEqual([1]);
  // The connection is the one it was: other rooms did not notice.
  expect(proxy.made).toBe(2);
  await say(carol, 'hi');
  await heard(carol, 'hi');
});

it('in a room of kind latest members have the newest frame all the same', async () => {
  const pod = await startPod(proxy.port, { positionCheckMs: POSITION_CHECK_MS });
  const other = await startPod(redis.port);
  const room = freshRoom();
  const { client } = await watch(pod, room);
  const channel = `rookery:{ticker/${room}}:c`;
  const subscribers = async (): Promise<unknown> =>
    ((await redis.command('PUBSUB', 'NUMSUB', channel)) as unknown[])[1];
  expect(await subscribers()).toBe(1);

  proxy.inject(`UNSUBSCRIBE ${channel}\r\n`);
  await until('Redis has ended the subscription', async () => (await subscribers()) === 0);
  for (const price of [1, 2, 3]) await quote(other.realtime, room, 'a', price);
  await priced(client, 3);
  await until('the channel is subscribed again', async () => (await subscribers()) === 1, 5 * POSITION_CHECK_MS);
  await quote(other.realtime, room, 'a', 4);
  await priced(client, 4);
  expect(boardOf(client)).toEqual({ a: 4 });
});
