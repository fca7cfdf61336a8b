import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PlainSocket } from '../support/plain-socket.js';
import { RedisProcess } from '../support/redis-process.js';
import { Standalone } from '../support/standalone.js';
import { mint } from '../support/tokens.js';
import { until } from '../support/within.js';

const SECRET = 'the secret of the servers on Redis';

// Processes start here; a busy machine takes its time.
jest.setTimeout(30_000);

let redis: RedisProcess;
let servers: Standalone[];

beforeEach(async () => {
  redis = await RedisProcess.start();
  const env = { JWT_SECRET: SECRET, REDIS_URL: redis.url, REDIS_PREFIX: 'spec:' };
  servers = [await Standalone.start(env), await Standalone.start(env)];
});

afterEach(async () => {
  for (const server of servers) await server.close();
  await redis.stop();
});

function server(index: number): Standalone {
  const found = servers[index];
  if (!found) throw new Error(`expected a server below ${servers.length}, got ${index}`);
  return found;
}

describe('two servers on one Redis', () => {
  it('are one chat: the same bytes in the same order', async () => {
    const [ana, bo] = await Promise.all(
      ['ana', 'bo'].map((sub, index) =>
        PlainSocket.open(`${server(index).wsUrl}/ws/chat/general?token=${mint(SECRET, { sub })}`),
      ),
    );
    if (!ana || !bo) throw new Error('expected two sockets');
    await Promise.all([ana.inRoom(), bo.inRoom()]);
    for (let i = 0; i < 20; i += 1) (i % 2 === 0 ? ana : bo).send(JSON.stringify({ text: `m${i}` }));
    const seen = await Promise.all([ana, bo].map((socket) => messages(socket, 20)));
    expect(seen[0]).toEqual(seen[1]);
    const offsets = (seen[0] ?? []).map((text) => (JSON.parse(text) as { offset: number }).offset);
    expect(offsets).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    ana.terminate();
    bo.terminate();
  });

  it('keep to REDIS_PREFIX with every key', async () => {
    const socket = await PlainSocket.open(`${server(0).wsUrl}/ws/chat/general?token=${mint(SECRET, { sub: 'ana' })}`);
    await socket.inRoom();
    socket.send('{"text":"hi"}');
    await socket.frame('message');
    const keys = (await redis.command('KEYS', '*')) as string[];
    expect(keys.length).toBeGreaterThan(0);
    expect(keys.filter((key) => !key.startsWith('spec:'))).toEqual([]);
    socket.terminate();
  });
});

it('/readyz follows Redis down and up again, /healthz does not', async () => {
  const status = async (path: string): Promise<number> => (await fetch(server(0).httpUrl + path)).status;
  expect(await status('/readyz')).toBe(200);
  await redis.kill();
  await until('the server is not ready', async () => (await status('/readyz')) === 503);
  expect(await status('/healthz')).toBe(200);
  await redis.restart();
  await until('the server is ready again', async () => (await status('/readyz')) === 200, 10_000);
});

/** The next messages, as they came over the wire. */
async function messages(socket: PlainSocket, count: number): Promise<string[]> {
  const found: string[] = [];
  while (found.length < count) {
    const text = await socket.next();
    if ((JSON.parse(text) as { type: string }).type === 'message') found.push(text);
  }
  return found;
}
