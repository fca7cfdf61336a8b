import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PlainSocket } from '../support/plain-socket.js';
import { RawWebSocket } from '../support/raw-websocket.js';
import { mint } from '../support/tokens.js';
import { until, within } from '../support/within.js';

const MAIN = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url));
const SECRET = 'the secret of the process of 32 bytes or more';

// Processes start here; a busy machine takes its time.
jest.setTimeout(30_000);

let folder: string;
let children: ChildProcess[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rookery-process-'));
  children = [];
});

afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** One run of the server, in a folder of its own, with nothing in its environment but what is given. */
class Run {
  readonly out: string[] = [];
  errors = '';
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(env: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [MAIN], {
      cwd: folder,
      env: { PATH: process.env['PATH'], PORT: '0', ...env },
    });
    children.push(child);
    createInterface({ input: child.stdout }).on('line', (line) => this.out.push(line));
    child.stderr.on('data', (chunk: Buffer) => (this.errors += chunk.toString()));
    this.ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
    this.kill = (signal) => void child.kill(signal);
  }

  readonly kill: (signal: NodeJS.Signals) => void;

  /** The line of an event, once it was written. */
  async line(event: string): Promise<Record<string, unknown>> {
    const find = () => this.messages().find((message) => message['event'] === event);
    await until(`"${event}" is logged; got ${this.out.join('\n')}${this.errors}`, () => find() !== undefined, 15_000);
    return find() ?? {};
  }

  messages(): Record<string, unknown>[] {
    return this.out.map((line) => (JSON.parse(line) as { message: Record<string, unknown> }).message);
  }

  exit(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    return within('the process to end', this.ended, 15_000);
  }
}

describe('the start', () => {
  it('is one structured line with the real port', async () => {
    const run = new Run();
    const line = await run.line('listening');
    expect(line).toMatchObject({ broker: 'memory', devTokens: 'loopback', production: false });
    expect(line['port']).toBeGreaterThan(0);
    expect((await fetch(`http://127.0.0.1:${String(line['port'])}/healthz`)).status).toBe(200);
    expect(run.messages().filter(({ event }) => event === 'listening')).toHaveLength(1);
  });

  it('says which way frames are written, and why not the other', async () => {
    const off = new Run({ NATIVE_WRITES: 'off' });
    expect(await off.line('writes_chosen')).toMatchObject({ writes: 'socket.write', why: 'nativeWrites is off' });
    const { writes, why } = await new Run().line('writes_chosen');
    // Whether somebody built the addon here is not for a test to say.
    if (writes !== 'native') expect([writes, why]).toEqual(['socket.write', expect.stringContaining('build:native')]);
  });

  it('brings the page, and the client that the page imports', async () => {
    const run = new Run();
    const url = `http://127.0.0.1:${String((await run.line('listening'))['port'])}`;
    expect(await (await fetch(url)).text()).toContain('<!doctype html>');
    const client = await fetch(`${url}/rookery-client.js`);
    expect(client.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(await client.text()).toContain('RealtimeClient');
    expect((await fetch(`${url}/rookery-client.min.js.map`)).status).toBe(200);
    expect(await (await fetch(`${url}/rookery-roster.js`)).text()).toContain('Roster');
  });

  it('without a key says that a secret was made, and not which', async () => {
    const run = new Run();
    const { message } = await run.line('secret_made');
    expect(message).toContain('JWT_SECRET');
    expect(String(message)).not.toMatch(/[\w-]{40,}/);
  });

  it('reads a .env file in its folder; the environment wins', async () => {
    writeFileSync(join(folder, '.env'), `HOST=127.0.0.1\nPORT=1\nJWT_SECRET=${SECRET}\nNODE_ENV=production\n`);
    const run = new Run();
    expect(await run.line('listening')).toMatchObject({ host: '127.0.0.1', devTokens: 'off', production: true });
  });

  it('warns about a secret that can be guessed, without telling it', async () => {
    const run = new Run({ JWT_SECRET: 'hush' });
    await run.line('setting_warning');
    await run.line('listening');
    expect(run.out.join()).toContain('4 bytes');
    expect(run.out.join()).not.toContain('hush');
  });
});

describe('a start that fails', () => {
  it('says one sentence per setting, no stack, and exits with 1', async () => {
    writeFileSync(join(folder, '.env'), 'JWT_SECRTE=hush\n');
    const run = new Run({ PORT: 'http', LOG_LEVEL: 'loud' });
    expect(await run.exit()).toEqual({ code: 1, signal: null });
    expect(run.errors.trim().split('\n')).toEqual([
      '.env: JWT_SECRTE is no setting of this server; did you mean JWT_SECRET?',
      'PORT: expected a whole number from 0 to 65535, got "http".',
      'LOG_LEVEL: expected one of fatal, error, warn, info, debug, verbose, got "loud".',
    ]);
    expect(run.out).toEqual([]);
  });

  it.each([{ NODE_ENV: 'production' }, { REDIS_URL: 'redis://127.0.0.1:1' }])('asks for a key: %j', async (env) => {
    const run = new Run(env);
    expect((await run.exit()).code).toBe(1);
    expect(run.errors).toMatch(/needs a key .+: set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URI\.\n$/);
  });

  it('says that Redis does not answer, without its password', async () => {
    const run = new Run({ JWT_SECRET: SECRET, REDIS_URL: 'redis://:hush@127.0.0.1:1' });
    expect((await run.exit()).code).toBe(1);
    expect(run.errors).toMatch(/^expected an answer of Redis[^\n]+\n$/);
    expect(run.errors + run.out.join()).not.toContain('hush');
  });

  it('says which part of a REDIS_URL is wrong, without its password', async () => {
    const run = new Run({ JWT_SECRET: SECRET, REDIS_URL: 'redis://:hush@127.0.0.1/x' });
    expect((await run.exit()).code).toBe(1);
    expect(run.errors).toMatch(/^redis: [^\n]+ "x" is no database number\n$/);
    expect(run.errors + run.out.join()).not.toContain('hush');
  });

  it('names the port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const run = new Run({ HOST: '127.0.0.1', PORT: String((other.address() as AddressInfo).port) });
    expect((await run.exit()).code).toBe(1);
    expect(run.errors).toMatch(/^PORT: .+in use[^\n]*\n$/);
    other.close();
  });
});

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  it('closes connections with 1012 and exits with 0', async () => {
    const run = new Run({ JWT_SECRET: SECRET, DRAIN_DELAY_MS: '200', DRAIN_MS: '200' });
    const port = String((await run.line('listening'))['port']);
    const token = mint(SECRET, { sub: 'u1' });
    const chat = await PlainSocket.open(`ws://127.0.0.1:${port}/ws/chat/general?token=${token}`);
    const reliable = await PlainSocket.open(`ws://127.0.0.1:${port}/ws/reliable`);
    await chat.inRoom();
    run.kill(signal);
    const restart = { code: 1012, reason: expect.stringMatching(/^service_restart retry=\d+$/) };
    expect(await chat.closed()).toMatchObject(restart);
    expect(await reliable.closed()).toMatchObject(restart);
    expect(await run.exit()).toEqual({ code: 0, signal: null });
    expect(await run.line('stopping')).toMatchObject({ event: 'stopping', signal });
    expect(await run.line('draining')).toEqual({ event: 'draining', connections: 2, drainDelayMs: 200, drainMs: 200 });
    expect(await run.line('drained')).toMatchObject({ closed: 2 });
    expect(await run.line('stopped')).toMatchObject({ uptimeMs: expect.any(Number) });
    expect(run.messages().filter(({ event }) => event === 'disconnected')).toHaveLength(2);
    expect(run.errors).toBe('');
    expect(run.out.join()).not.toContain(token);
  });
});

it('after a signal it is not ready and takes nobody, and is alive, until the delay has passed', async () => {
  const run = new Run({ DRAIN_DELAY_MS: '60000' });
  const url = `http://127.0.0.1:${String((await run.line('listening'))['port'])}`;
  run.kill('SIGTERM');
  await run.line('draining');
  const ready = await fetch(`${url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'draining', broker: true }]);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect(await PlainSocket.refusal(`${url.replace('http', 'ws')}/ws`)).toMatchObject({ status: 503 });
  run.kill('SIGTERM');
  expect(await run.exit()).toEqual({ code: 143, signal: null });
});

it('what hangs is ended by force, with 1', async () => {
  // The HTTP server never says that it has closed.
  const hang = 'import http from "node:http"; http.Server.prototype.close = () => undefined;';
  const run = new Run({
    DRAIN_DELAY_MS: '0',
    DRAIN_MS: '0',
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hang)}`,
  });
  await run.line('listening');
  run.kill('SIGTERM');
  expect(await run.exit()).toEqual({ code: 1, signal: null });
  expect(run.errors).toBe('Not everything was closed within 9000 ms; ended all the same.\n');
});

it('a second signal ends at once what the first one waits for', async () => {
  const run = new Run({ DRAIN_DELAY_MS: '0' });
  const port = Number((await run.line('listening'))['port']);
  // It never answers the server's close frame: the end of the connection is waited for.
  const stuck = RawWebSocket.send(`ws://127.0.0.1:${port}`, { path: '/ws' });
  await stuck.answer();
  await run.line('connected');
  run.kill('SIGTERM');
  await run.line('stopping');
  run.kill('SIGTERM');
  expect(await run.exit()).toEqual({ code: 143, signal: null });
});

it('a half-sent request does not hold up the end', async () => {
  const run = new Run({ DRAIN_DELAY_MS: '0' });
  const port = Number((await run.line('listening'))['port']);
  const half = connect(port, '127.0.0.1');
  await once(half, 'connect');
  half.write(
    'POST /dev/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n',
  );
  half.on('error', () => undefined); // It is cut off with the process.
  // Until the server has the request, closing would not wait for it.
  await fetch(`http://127.0.0.1:${port}/healthz`);
  run.kill('SIGTERM');
  expect(await run.exit()).toEqual({ code: 0, signal: null });
  half.destroy();
});
