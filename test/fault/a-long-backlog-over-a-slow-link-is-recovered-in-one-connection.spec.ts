import { afterEach, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { RealtimeClient } from '../../src/client/index.js';
import { range } from '../support/chat.js';
import { RedisProcess } from '../support/redis-process.js';
import { ServerProcess } from '../support/server-process.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { mint } from '../support/tokens.js';
import { until } from '../support/within.js';

const SECRET = 'a secret of the tests that is long enough for HS256';
const ROOM = 'backlog';
/** 20 MiB, and within the history that the server keeps by default. */
const FRAMES = 600;
const FRAME_BYTES = 35_000;
const READERS = 5;
const isDeep = process.env['ROOKERY_DEEP'] === '1';
/** Deep: 1 Mbit/s, so that it takes as long as six heartbeats. Else as long as suits CI. */
const BYTES_PER_SECOND = isDeep ? 125_000 : 2_500_000;
const MIB = 1024 * 1024;

let server: ServerProcess | undefined;
let proxy: TcpProxy | undefined;
let redis: RedisProcess | undefined;
const clients: RealtimeClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await proxy?.close();
  await server?.stop();
  await redis?.stop();
  redis = undefined;
});

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

/** Somebody in the room, and what their application sees. */
function enter(url: string, sub: string) {
  const client = new RealtimeClient(`${url}/ws/chat`, { token: mint(SECRET, { sub }), WebSocket, random: () => 0 });
  clients.push(client);
  const offsets: number[] = [];
  const recovered: (boolean | undefined)[] = [];
  const states: string[] = [];
  const room = client.room(ROOM);
  room.on('message', ({ offset }) => offsets.push(offset!));
  room.on('joined', (joined) => recovered.push(joined.recovered));
  client.on('state', ({ status }) => states.push(status));
  return { room, offsets, recovered, states };
}

// What all readers together are owed are 100 MiB. The memory broker's frames are sent from where they are; those that
// come from Redis are garbage once they are sent, and Node lets up to 32 MiB of that lie before it looks.
it.each([
  { broker: 'memory', mostMib: 16 },
  { broker: 'redis', mostMib: 50 },
])(
  `${READERS} readers of ${BYTES_PER_SECOND} bytes/s recover 20 MiB each in one connection, and the server's memory stays flat, broker: $broker`,
  async ({ broker, mostMib }) => {
    if (broker === 'redis') redis = await RedisProcess.start();
    // Everything else is as the server has it by default: it is the writer that should not have to wait.
    const settings = { JWT_SECRET: SECRET, MESSAGES_PER_SECOND: '0' };
    server = await ServerProcess.start({ ...settings, ...(redis && { REDIS_URL: redis.url }) });
    proxy = await startTcpProxy(server.port);
    const readers = Array.from({ length: READERS }, (_, i) => enter(`ws://127.0.0.1:${proxy!.port}`, `reader-${i}`));
    await until('all are in', () => readers.every(({ room }) => room.status === 'joined'));
    const writer = enter(server.wsUrl, 'writer');
    proxy.block();
    const text = 'x'.repeat(FRAME_BYTES);
    for (let n = 0; n < FRAMES; n += 1) await writer.room.send('message', { text });
    for (const { states } of readers) states.length = 0;
    const connected = server.events('connected').length;

    const [made, before] = [proxy.made, server.residentBytes];
    let most = 0;
    proxy.throttle(BYTES_PER_SECOND);
    proxy.mend();
    const startedAt = Date.now();
    await until(
      'everything was recovered',
      () => {
        most = Math.max(most, server!.residentBytes);
        return readers.every(({ offsets }) => offsets.length >= FRAMES);
      },
      240_000,
    );
    const grownMib = (most - before) / MIB;
    console.log(
      `${READERS} × ${mib(FRAMES * FRAME_BYTES)} in ${((Date.now() - startedAt) / 1_000).toFixed(1)} s; ` +
        `resident ${mib(before)}, grown by ${grownMib.toFixed(1)} MiB at most, broker: ${broker}`,
    );
    for (const { offsets, recovered, states } of readers) {
      expect(offsets).toEqual(range(1, FRAMES));
      expect(recovered).toEqual([undefined, true]);
      expect(states.filter((status) => status === 'connected')).toHaveLength(1);
    }
    expect(proxy.made - made).toBe(READERS);
    expect(server.events('connected')).toHaveLength(connected + READERS);
    expect(grownMib).toBeLessThan(mostMib);
  },
  300_000,
);
