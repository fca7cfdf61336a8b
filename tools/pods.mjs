import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from './program.mjs';

/** What the standalone server logs when it listens. */
const LISTENING = /"event":"listening".*"port":(\d+)/;

/**
 * Starts the standalone server, as built, on a free port of 127.0.0.1 and with these settings.
 *
 * @param wrapper what is put before its command line
 * @returns as {@link startProgram}, and `port`
 */
export async function startServer(root, settings, wrapper = []) {
  const [command, ...args] = [...wrapper, process.execPath, join(root, 'dist/server/main.js')];
  const env = { PORT: '0', HOST: '127.0.0.1', LOG_FORMAT: 'json', ...settings };
  const server = await startProgram(command, args, env, LISTENING);
  return { ...server, port: Number(server.match[1]) };
}

/**
 * Starts a Redis and so many standalone servers on it.
 *
 * @param wrapper what is put before the servers' command lines
 * @returns `{ url, servers, secret, close }`: the servers' URLs with commas between them, the servers, what signs their
 *   tokens
 */
export async function startPods(root, redisServer, count, wrapper = []) {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-pods-'));
  const running = [];
  const close = async () => {
    for (const end of running.toReversed()) await end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const redis = await startRedis(redisServer, folder);
    running.push(redis.end);
    const secret = randomBytes(32).toString('base64url');
    const servers = [];
    for (let pod = 0; pod < count; pod += 1) {
      const settings = {
        REDIS_URL: redis.url,
        JWT_SECRET: secret,
        DRAIN_DELAY_MS: '0',
        DRAIN_MS: '0',
      };
      const server = await startServer(root, settings, wrapper);
      running.push(server.end);
      servers.push(server);
    }
    return { url: servers.map((server) => `ws://127.0.0.1:${server.port}`).join(','), servers, secret, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Starts a Redis that keeps nothing, on a free port of 127.0.0.1.
 *
 * @param folder where it is at home
 * @param wrapper what is put before its command line
 * @returns as {@link startProgram}, and `url`
 */
export async function startRedis(redisServer, folder, wrapper = []) {
  const port = await freePort();
  const settings = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const [command, ...args] = [...wrapper, redisServer, ...settings.map(String)];
  const redis = await startProgram(command, args, {}, /Ready to accept connections/);
  return { ...redis, url: `redis://127.0.0.1:${port}/0` };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
