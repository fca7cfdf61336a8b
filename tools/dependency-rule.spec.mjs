import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * A small tree: `[file, what it imports, rules that this breaks]`.
 *
 * @type {[string, string, string[]][]}
 */
const imports = [
  ['src/protocol/codec.ts', 'node:util', ['protocol-imports-nothing']],
  ['src/client/room.ts', '../protocol/index.js', []],
  ['src/client/cursor.ts', '../protocol/codec.js', ['client-imports-only-the-protocol']],
  ['src/react/use-room.ts', '../client/index.js', []],
  ['src/react/provider.ts', 'react', []],
  ['src/react/insider.ts', '../client/room.js', ['react-imports-only-the-client']],
  ['src/client/hook.ts', 'react', ['client-imports-only-the-protocol', 'react-only-in-its-folder']],
  ['src/realtime/rooms/room.ts', '../connection/connection.js', []],
  ['src/realtime/gateway/handshake.ts', '../rooms/room.js', []],
  ['src/realtime/gateway/limit.ts', '../limits/rate.js', []],
  ['src/realtime/rooms/upwards.ts', '../gateway/handshake.js', ['rooms-knows-nothing-above-it']],
  ['src/realtime/connection/upwards.ts', '../rooms/room.js', ['connection-knows-nothing-above-it']],
  ['src/realtime/auth/upwards.ts', '../gateway/handshake.js', ['auth-knows-nothing-above-it']],
  ['src/realtime/realtime.providers.ts', './health/health.service.js', []],
  ['src/realtime/realtime.parts.ts', './presence/announcer.js', []],
  ['src/realtime/rooms/measured.ts', '../metrics/metrics.js', ['features-listen']],
  ['src/realtime/rooms/joined.ts', '../presence/announcer.js', ['features-listen']],
  ['src/realtime/rooms/store.ts', '../broker/memory-broker.js', ['implementations-are-named-once']],
  ['src/realtime/broker/memory-broker.spec.ts', './memory-broker.js', []],
  ['src/realtime/broker/memory-both.ts', './redis-broker.js', ['memory-knows-no-redis']],
  ['src/realtime/broker/redis-broker.ts', 'ioredis', []],
  ['src/realtime/broker/client.ts', 'ioredis', ['ioredis-only-in-redis-files']],
  ['src/realtime/gateway/socket.ts', 'ws', []],
  ['src/realtime/rooms/socket.ts', 'ws', ['ws-only-at-the-wire']],
  ['src/realtime/gateway/plain.guard.ts', '@nestjs/common', []],
  ['src/realtime/gateway/plain.ts', '@nestjs/common', ['nest-only-behind-a-suffix']],
  ['src/realtime/gateway/deep.guard.ts', '@nestjs/core/internal', ['no-internals-of-nest']],
  ['src/server/chat/chat.gateway.ts', '../../index.js', []],
  ['src/server/chat/own.ts', './chat.gateway.js', []],
  ['src/server/chat/insider.ts', '../../realtime/rooms/room.js', ['server-takes-public-names']],
  ['src/testing/insider.ts', '../realtime/rooms/room.js', ['testing-takes-public-names']],
  ['src/realtime/limits/kit.ts', '../../testing/insider.js', ['the-library-knows-no-user']],
  ['src/realtime/limits/door.ts', '../../index.js', ['no-way-round-by-the-index']],
  ['src/realtime/recovery/one.ts', './other.js', ['no-cycles']],
  ['src/realtime/recovery/other.ts', './one.js', []], // A circle is told once.
  ['src/realtime/limits/tool.ts', 'prettier', ['what-ships-is-declared']],
  ['src/realtime/limits/lost.ts', './nowhere.js', ['imports-resolve']],
];
const empty = [
  'src/index.ts',
  'src/protocol/index.ts',
  'src/client/index.ts',
  'src/realtime/connection/connection.ts',
].concat(
  [
    'limits/rate.ts',
    'health/health.service.ts',
    'metrics/metrics.ts',
    'broker/memory-broker.ts',
    'presence/announcer.ts',
  ].map((name) => `src/realtime/${name}`),
);

describe('the dependency rule', () => {
  let root;
  let violations;

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'rookery-rule-'));
    for (const name of ['.dependency-cruiser.js', 'tsconfig.json', 'package.json']) {
      copyFileSync(join(ROOT, name), join(root, name));
    }
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    for (const [file, target] of imports) write(file, `import '${target}';\n`);
    for (const file of empty) write(file, 'export {};\n');
    const depcruise = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
    const args = [depcruise, 'src', '--config', '.dependency-cruiser.js', '--output-type', 'json'];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    if (!stdout) throw new Error(stderr);
    violations = JSON.parse(stdout).summary.violations;
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  function write(file, text) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }

  it.each(imports)('%s may import %s unless it breaks %j', (file, _target, rules) => {
    const broken = violations.filter(({ from }) => from === file).map(({ rule }) => rule.name);
    expect(new Set(broken)).toEqual(new Set(rules));
  });
});
