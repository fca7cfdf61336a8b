import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureTools } from '../../tools/ensure-tools.mjs';
import { startPods, startServer } from '../../tools/pods.mjs';
import { startProgram } from '../../tools/program.mjs';

/**
 * What the scenario is run against. `start(root, wrapper)` starts the servers, each in a process of its own behind the
 * wrapper's command line, and returns `{ system, target, pids, close }`: the swarm's side of it, where the servers are,
 * and their processes.
 */
export const contenders = {
  rookery: {
    title: () => 'Rookery, memory',
    async start(root, wrapper) {
      const secret = randomBytes(32).toString('base64url');
      const server = await startServer(root, { JWT_SECRET: secret }, wrapper);
      const target = { ports: [server.port], secret };
      return { system: 'rookery', target, pids: [server.pid], close: server.end };
    },
  },
  'rookery-redis': {
    title: () => 'Rookery, two pods on Redis',
    async start(root, wrapper) {
      const redis = ensureTools(['redis-server'])['redis-server'].path;
      const { servers, secret, close } = await startPods(root, redis, 2, wrapper);
      const target = { ports: servers.map(({ port }) => port), secret };
      return { system: 'rookery', target, pids: servers.map(({ pid }) => pid), close };
    },
  },
  'socket.io-recovery': {
    title: (root) => `socket.io ${versionOf(root, 'socket.io')} with connection state recovery`,
    start: (root, wrapper) => startSocketIo(root, wrapper, { RECOVERY: 'true' }),
  },
  'socket.io': {
    title: (root) => `socket.io ${versionOf(root, 'socket.io')} without`,
    start: (root, wrapper) => startSocketIo(root, wrapper, {}),
  },
};

async function startSocketIo(root, wrapper, env) {
  const [command, ...args] = [...wrapper, process.execPath, join(root, 'bench/peers/socket-io.mjs')];
  const server = await startProgram(command, args, env, /"event":"listening","port":(\d+)/);
  const target = { port: Number(server.match[1]) };
  return { system: 'socket.io', target, pids: [server.pid], close: server.end };
}

function versionOf(root, name) {
  return JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8')).version;
}
