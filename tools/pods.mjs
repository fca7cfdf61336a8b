import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** How long a program may take to start. */
const START_MS = 30_000;

/**
 * Starts a Redis and so many standalone servers on it, as built, on free ports of 127.0.0.1.
 *
 * @returns `{ url, secret, close }`: the servers' URLs with commas between them, what signs their tokens
 */
export async function startPods(root, redisServer, count) {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-pods-'));
  const running = [];
  const close = async () => {
    for (const end of running.toReversed()) await end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const port = await freePort();
    const options = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
    const redis = await start(redisServer, options.map(String), {}, /Ready to accept connections/);
    running.push(redis.end);
    const secret = randomBytes(32).toString('base64url');
    const env = { PORT: '0', HOST: '127.0.0.1', REDIS_URL: `redis://127.0.0.1:${port}/0`, JWT_SECRET: secret };
    const urls = [];
    for (let pod = 0; pod < count; pod += 1) {
      const main = [join(root, 'dist/server/main.js')];
      const server = await start(
        process.execPath,
        main,
        { ...env, LOG_FORMAT: 'json' },
        /"event":"listening".*"port":(\d+)/,
      );
      running.push(server.end);
      urls.push(`ws://127.0.0.1:${server.match[1]}`);
    }
    return { url: urls.join(','), secret, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Starts a program and waits for a line of its output. */
async function start(command, args, env, pattern) {
  const child = spawn(command, args, {
    // In a folder without an .env of somebody's.
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve); // It could not be started: there will be no exit.
  });
  const end = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
    await exited;
    clearTimeout(timer);
  };
  const output = [];
  try {
    const match = await new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`${command} ${args.join(' ')} ${why}:\n${output.join('\n')}`));
      const timer = setTimeout(() => fail(`said nothing like ${pattern} within ${START_MS} ms`), START_MS);
      const read = (line) => {
        if (output.length < 100) output.push(line);
        const found = pattern.exec(line);
        if (!found) return;
        clearTimeout(timer);
        resolve(found);
      };
      for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', read);
      void exited.then((code) => {
        clearTimeout(timer);
        fail(`ended with code ${code}`);
      });
    });
    return { match, end };
  } catch (error) {
    await end();
    throw error;
  }
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
