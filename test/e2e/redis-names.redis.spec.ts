import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { PlainSocket } from '../support/plain-socket.js';
import { RedisProcess } from '../support/redis-process.js';
import { Standalone } from '../support/standalone.js';
import { mint } from '../support/tokens.js';

jest.setTimeout(30_000);

const SECRET = 'the secret of the names of 32 bytes or more';
const KEY = 'the-admin-key-of-those-who-attack-it';
/** What rooms, users and ids may be called and must not mean anything to Redis. */
const hostile = ['a}b', '*', 'a\nb', 'a\r\nFLUSHALL\r\n', '\0', '{x}:m', 'a b', '%7B', '\ud800', '../..'];
const roomNames = ['a:m', 'a:d:x', ':', '~', 'a@b', 'pods', 'own:', 'own:pods', '+', 'a.b', '-'];
/** The names of Rookery's own: of a room all hold it whole, of a user a part that can't end it. */
const OWN =
  /^own:(\{(chat|@user)\/[A-Za-z0-9_.:@~+-]+\}:(m|s|u|n|k|p:[\w-]+|d:(=[\x21-\x7e]+|#[\w-]+))|\{seat:(=[\x21-\x7e]+|#[\w-]+)\}:[olr]|ban:(=[\x21-\x7e]+|#[\w-]+)|pods|pod:[\w-]+)$/;

let redis: RedisProcess;
let server: Standalone;
let client: Redis;

beforeAll(async () => {
  redis = await RedisProcess.start();
  client = new Redis(redis.url);
  server = await Standalone.start({ ADMIN_KEY: KEY, JWT_SECRET: SECRET, REDIS_URL: redis.url, REDIS_PREFIX: 'own:' });
});

afterAll(async () => {
  await server.close();
  client.disconnect();
  await redis.stop();
});

function post(path: string, body: object): Promise<Response> {
  return fetch(`${server.httpUrl}/api/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

it('no name of a room, a user, a frame or a ban reaches a key or a channel that is not its own', async () => {
  const foreign = { 'own:foreign': '1', 'other:{chat/a}:m': '2', foreign: '3' };
  await client.mset(foreign);
  const heard: string[] = [];
  const listener = client.duplicate();
  await listener.psubscribe('*');
  listener.on('pmessage', (_pattern, channel: string) => heard.push(channel));
  for (const name of [...roomNames, ...hostile]) {
    const token = mint(SECRET, { sub: `user ${name}`.slice(0, 100), name: `n ${name}` });
    const url = `${server.wsUrl}/ws/chat/${encodeURIComponent(name.replace('\ud800', '\ufffd'))}`;
    const isName = roomNames.includes(name);
    if (isName) {
      const socket = await PlainSocket.open(`${url}?token=${token}`);
      await socket.inRoom();
      for (const id of hostile) socket.send(JSON.stringify({ type: 'message', text: 'hi', id }));
      for (const _id of hostile) await socket.frame('ack');
      socket.close();
    } else {
      await PlainSocket.refusal(`${url}?token=${token}`);
    }
    const room = `chat/${name}`;
    const statuses = [
      (await post('publish', { room, type: 'message', payload: { text: 'x' }, id: name })).status,
      (await post('kick', { room, user: name, forMs: 60_000 })).status,
      (await post('disconnect', { user: name, forMs: 60_000 })).status,
      (await post('publish', { user: name, type: 'notice', payload: {} })).status,
      (await post('history/clear', { room })).status,
      (await post('unban', { room, user: name })).status,
    ];
    expect([name, ...statuses]).toEqual([
      name,
      ...(isName ? [200, 200, 200, 200, 200, 200] : [400, 400, 200, 200, 400, 400]),
    ]);
  }
  const keys = (await client.keys('*')).filter((key) => !(key in foreign));
  expect(keys.length).toBeGreaterThan(roomNames.length);
  expect(keys.filter((key) => !OWN.test(key))).toEqual([]);
  expect(await client.mget(Object.keys(foreign))).toEqual(Object.values(foreign));
  const channels = /^own:(\{(chat|@user)\/[A-Za-z0-9_.:@~+-]+\}:c|signal|probe:[\w-]+)$/;
  expect(heard.filter((channel) => !channels.test(channel))).toEqual([]);
  expect(heard.length).toBeGreaterThan(0);
  listener.disconnect();
});
