/**
 * `node tools/prove-conformance.mjs [rule …]`: shows that conformance tests can fail. Each row breaks one rule on purpose in a
 * copy of the tree and runs the tests that bear its name there; a row whose tests still pass fails the run.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What is broken: the rule, the file, the text that stands there, and what stands there instead. */
const mutants = [
  {
    rule: 'HS3',
    what: 'guards are not asked',
    file: 'gateway/gateway-binder.service.ts',
    from: 'return runGuards(await made,',
    to: 'return runGuards([],',
  },
  {
    rule: 'HS8',
    what: 'every origin may come',
    file: 'gateway/origin-check.ts',
    from: 'if (origin === undefined) return true;',
    to: 'if (origin !== null) return true;',
  },
  {
    rule: 'FR5',
    what: 'a frame with an id is not acknowledged',
    file: 'gateway/frame-dispatcher.ts',
    from: 'if (context.id === undefined) return;',
    to: 'if (context.id !== null) return;',
  },
  {
    rule: 'CL2',
    what: 'a repeated id is published again',
    file: 'gateway/frame-room.ts',
    from: 'dedupeKey: own === undefined',
    to: 'dedupeKey: own !== null ? undefined : own === undefined',
  },
  {
    rule: 'CL3',
    what: 'who left goes on receiving',
    file: 'rooms/room-joiner.ts',
    from: 'member.room.detach(member);',
    to: 'void member.room;',
  },
  {
    rule: 'CL5',
    what: 'faulty frames are never too many',
    file: 'limits/error-budget.ts',
    from: 'return this.times.length > this.limit;',
    to: 'return this.times.length > Infinity;',
  },
  {
    rule: 'CL6',
    what: 'a frame may have any size',
    file: 'gateway/gateway-runtime.ts',
    from: 'maxPayload: maxFrameBytes,',
    to: 'maxPayload: maxFrameBytes * 1_000,',
  },
  {
    rule: 'OR3',
    what: 'a handler does not wait for the one before it',
    file: 'gateway/lanes.ts',
    from: 'lane.free = false;',
    to: 'lane.free = true;',
  },
  {
    rule: 'OR4',
    what: 'every frame of a key is queued for a slow member',
    file: 'rooms/latest-room.ts',
    from: 'if (member.connection.outbox.takes(',
    to: 'if (member.index >= 0 || member.connection.outbox.takes(',
  },
  {
    rule: 'RC1',
    what: 'a replay begins one frame too late',
    file: 'rooms/start-finder.ts',
    from: 'offset: cursor.offset, page };',
    to: 'offset: cursor.offset + 1, page };',
  },
  {
    rule: 'RC2',
    what: 'a cursor that leads nowhere is called recovered',
    file: 'rooms/start-finder.ts',
    from: 'if (!isRecoverable(cursor, page.position) || !continues(cursor, page)) return nowhere;',
    to: "if (page.position.epoch === '') return nowhere;",
  },
  {
    rule: 'RC4',
    what: 'a hole in the offsets is passed over',
    file: 'rooms/local-room.ts',
    from: 'message.offset === this.top + 1',
    to: 'message.offset > this.top',
  },
  {
    rule: 'RC5',
    what: 'a replay does not wait for the socket',
    file: 'connection/outbox.ts',
    from: 'await this.drained();',
    to: 'await Promise.resolve();',
  },
  {
    rule: 'CN1',
    what: 'silence is borne',
    file: 'connection/heartbeat.ts',
    from: '!connection.paused && now - connection.heardAt',
    to: 'connection.paused && now - connection.heardAt',
  },
  {
    rule: 'CN6',
    what: 'a kick from the room of the path leaves the connection',
    file: 'gateway/gateway-runtime.ts',
    from: 'if (member.ofPath) connection.close',
    to: 'if (!member) connection.close',
  },
];

const root = fileURLToPath(new URL('..', import.meta.url));
mkdirSync(join(root, '.cache'), { recursive: true });
const copy = mkdtempSync(join(root, '.cache/mutant-'));
let ran = 0;
let failed = 0;
try {
  for (const name of ['src', 'test', 'package.json', 'jest.config.js', 'PROTOCOL.md']) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  const named = process.argv.slice(2);
  for (const mutant of mutants.filter(({ rule }) => named.length === 0 || named.includes(rule))) {
    ran += 1;
    const verdict = prove(mutant);
    if (!verdict.proven) failed += 1;
    console.log(
      `${verdict.proven ? 'fails as it should' : 'STILL PASSES'}: ${mutant.rule}, ${mutant.what} (${verdict.told})`,
    );
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
if (failed > 0) process.exitCode = 1;
console.log(`${ran - failed} passed, ${failed} failed`);

function prove({ rule, file, from, to }) {
  const path = join(copy, 'src/realtime', file);
  const text = readFileSync(path, 'utf8');
  if (text.split(from).length !== 2) throw new Error(`${file}: expected exactly once: ${from}`);
  writeFileSync(path, text.replace(from, to));
  try {
    const report = runRule(rule);
    if (!report) return { proven: true, told: 'they never end' };
    return {
      proven: report.numFailedTests > 0 && report.numRuntimeErrorTestSuites === 0,
      told: `${report.numFailedTests} of ${report.numFailedTests + report.numPassedTests} tests`,
    };
  } finally {
    writeFileSync(path, text);
  }
}

function runRule(rule) {
  const folder = 'test/conformance';
  const bearsRule = new RegExp(`['"\`]${rule} `);
  const files = readdirSync(join(copy, folder))
    .filter((name) => name.endsWith('.spec.ts') && !name.endsWith('.redis.spec.ts'))
    .map((name) => `${folder}/${name}`)
    .filter((name) => bearsRule.test(readFileSync(join(copy, name), 'utf8')));
  const output = join(copy, 'report.json');
  const jest = ['--experimental-vm-modules', '--no-warnings', join(root, 'node_modules/jest/bin/jest.js')];
  const options = ['--json', `--outputFile=${output}`, '--testTimeout=15000', '-t', `(^|\\s)${rule} `];
  rmSync(output, { force: true });
  const args = [...jest, ...options, '--runTestsByPath', ...files];
  const { error } = spawnSync(process.execPath, args, {
    cwd: copy,
    stdio: 'ignore',
    timeout: 180_000,
    killSignal: 'SIGKILL',
  });
  if (error) return undefined; // What is broken keeps it from coming to an end.
  return JSON.parse(readFileSync(output, 'utf8'));
}
