import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { WebSocket } from 'ws';
import { ensureTools } from '../../tools/ensure-tools.mjs';
import { startRedis, startServer } from '../../tools/pods.mjs';
import { startProgram } from '../../tools/program.mjs';

/** Rookery as it is, but for the rate limit; ends without a drain. */
const ROOKERY = { MESSAGES_PER_SECOND: '0', DRAIN_DELAY_MS: '0', DRAIN_MS: '0' };
const PODS = 2;
/** Frames that the room of the storm holds, and after which of them everybody comes back. */
const STORED = 20;
const SEEN = 10;

/**
 * Who is measured, Rookery first; by its defaults, without the native writer, and once more with it. `start(place)` starts one process; `wire` is how the load generator talks to it.
 *
 * - `place`: `{ root, wrapper, env, secret, uws }`: the command line to put before its own, what to add to its environment,
 *   what signs the tokens, where uWebSockets.js is.
 * - `native`: it needs the addon of `npm run build:native`.
 * - `package`: what of `bench/peers/package.json` it needs, always or for several processes.
 */
export const contenders = {
  rookery: {
    title: () => 'Rookery',
    wire: { path: '/ws/chat/r%r', query: 'token=%T' },
    start: (place) => startRookery(place, { NATIVE_WRITES: 'off' }),
    beforeStorm: storeFrames,
  },
  'rookery-native': {
    title: () => 'Rookery with the native writer',
    native: true,
    wire: { path: '/ws/chat/r%r', query: 'token=%T' },
    start: (place) => startRookery(place, { NATIVE_WRITES: 'auto' }),
    beforeStorm: storeFrames,
  },
  uws: {
    title: () => 'uWebSockets.js',
    package: 'uwebsockets',
    wire: { path: '/ws/chat/r%r' },
    start: (place) => startPeer(place, 'uwebsockets.mjs', { UWS: place.uws }),
  },
  'socket.io-uws': {
    title: () => 'socket.io on uWebSockets.js',
    package: 'uwebsockets',
    wire: socketIoWire(),
    start: (place) => startPeer(place, 'socket-io.mjs', { UWS: place.uws }),
  },
  'ws-turn': rawWs('turn', 'one write per socket and turn'),
  'ws-once': rawWs('once', 'encoded once'),
  'ws-loop': rawWs('loop', 'loop of send'),
  'socket.io': {
    title: (root) => `socket.io ${versionOf(root, 'socket.io')}`,
    packageForSeveral: '@socket.io/redis-adapter',
    wire: socketIoWire(),
    start: (place) => startPeer(place, 'socket-io.mjs', {}),
  },
  nest: {
    title: (root) => `Nest ${versionOf(root, '@nestjs/core')} gateway as people write it`,
    wire: { path: '/ws/chat?room=r%r', msg: '{"event":"message","data":{"user":"u%p","text":"%m"}}' },
    start: (place) => startPeer(place, 'nest-gateway.mjs', {}),
  },
};

/**
 * Starts a contender: one process, or several on a Redis.
 *
 * @returns `{ ports, pids, serverPids, close }`: where it listens; its processes, Redis among them; those without Redis
 */
export async function startContender(contender, place, overRedis) {
  const running = [];
  const folder = mkdtempSync(join(tmpdir(), 'rookery-bench-'));
  const close = async () => {
    for (const { end } of running.toReversed()) await end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    let env = place.env;
    if (overRedis) {
      const redis = await startRedis(ensureTools(['redis-server'])['redis-server'].path, folder, place.wrapper);
      running.push(redis);
      env = { ...env, REDIS_URL: redis.url };
    }
    const servers = [];
    for (let i = 0; i < (overRedis ? PODS : 1); i += 1) {
      const server = await contender.start({ ...place, env });
      running.push(server);
      servers.push(server);
    }
    return {
      ports: servers.map(({ port }) => port),
      pids: running.map(({ pid }) => pid),
      serverPids: servers.map(({ pid }) => pid),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function startRookery({ root, wrapper, env, secret }, settings) {
  return startServer(root, { ...ROOKERY, JWT_SECRET: secret, ...settings, ...env }, wrapper);
}

function rawWs(fanOut, words) {
  return {
    title: () => `raw ws, ${words}`,
    wire: { path: '/ws/chat/r%r', query: 'token=%T' },
    start: (place) =>
      startPeer(place, 'raw-ws.mjs', { FANOUT: fanOut, ...(place.jwt && { JWT_SECRET: place.secret }) }),
  };
}

function socketIoWire() {
  return { path: '/socket.io/?EIO=4&transport=websocket&room=r%r', socketio: true };
}

async function startPeer({ root, wrapper, env }, file, settings) {
  const [command, ...args] = [...wrapper, process.execPath, join(root, 'bench/peers', file)];
  const server = await startProgram(command, args, { ...env, ...settings }, /"event":"listening","port":(\d+)/);
  return { ...server, port: Number(server.match[1]) };
}

/** Publishes into the storm's room; what everybody then comes back with. They are there when they have recovered. */
async function storeFrames({ ports, token }) {
  const ws = new WebSocket(`ws://127.0.0.1:${ports[0]}/ws/chat/r0?token=${token}`);
  let epoch;
  await new Promise((resolve, reject) => {
    ws.once('error', reject);
    ws.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === 'joined' && frame.room === 'r0') {
        [epoch] = frame.cursor.split('.');
        for (let i = 0; i < STORED; i += 1) ws.send(JSON.stringify({ text: `stored ${i}` }));
      }
      if (frame.offset === STORED) resolve();
    });
  });
  ws.close();
  return { query: `token=%T&since=${epoch}.${SEEN}`, hello: '{"type":"ping"}', helloAck: '"recovered":true' };
}

function versionOf(root, name) {
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}

/** Where uWebSockets.js is: ROOKERY_UWS names a module, else the package of the peers. */
export function uwsModule(root, env = process.env) {
  if (env.ROOKERY_UWS) return pathToFileURL(env.ROOKERY_UWS).href;
  return pathToFileURL(join(root, 'bench/peers/node_modules/uwebsockets/uws.js')).href;
}
