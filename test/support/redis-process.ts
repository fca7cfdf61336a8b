import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';

export interface RedisProcessOptions {
  /** Whether the data survives a restart. Default `false`. */
  readonly persistent?: boolean;
  /** Settings as on the command line, without the dashes: `{ 'maxmemory-policy': 'allkeys-lru' }`. */
  readonly config?: Readonly<Record<string, string>>;
  /** Makes it a Sentinel with these lines in its file. It writes into that file itself. */
  readonly sentinel?: readonly string[];
}

const HOST = '127.0.0.1';
const STOP_MS = 5_000;
const LOADING_MS = 20_000;
/** The last line that a server, or a Sentinel, writes at its start. */
const READY = /Ready to accept connections|\+monitor master/;
const START_ATTEMPTS = 5;
/** Where a server keeps its data; what a node knows of its cluster is elsewhere. */
const STORED = ['appendonlydir', 'dump.rdb'];
/** A cluster's nodes talk on the port above by this much. */
const BUS_DISTANCE = 10_000;

/**
 * A `redis-server` of the test's own, on a free port, in a folder that is gone with it. The binary is that of the
 * environment variable `REDIS_SERVER`, else the one on the PATH.
 */
export class RedisProcess {
  private child: ChildProcess | undefined;
  private output = '';

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly options: RedisProcessOptions,
  ) {}

  /** Resolves when the server answers. */
  static async start(options: RedisProcessOptions = {}): Promise<RedisProcess> {
    for (let attempt = 1; ; attempt += 1) {
      // A port may be taken between the look and the start.
      const server = new RedisProcess(await freePort(), await mkdtemp(join(tmpdir(), 'rookery-redis-')), options);
      try {
        await server.launch();
        return server;
      } catch (error) {
        await server.stop();
        if (attempt === START_ATTEMPTS) throw error;
      }
    }
  }

  get url(): string {
    return `redis://${HOST}:${this.port}`;
  }

  /** A connection for what a test does behind Rookery's back. Disconnect it. */
  client(): Redis {
    const password = this.options.config?.['requirepass'];
    return new Redis({ host: HOST, port: this.port, maxRetriesPerRequest: 3, ...(password ? { password } : {}) });
  }

  /** Runs one command; a server that is reading its data is waited for. */
  async command(...words: [string, ...string[]]): Promise<unknown> {
    const client = this.client();
    client.on('error', () => undefined); // The command is rejected.
    const end = Date.now() + LOADING_MS;
    try {
      for (;;) {
        try {
          return await client.call(...words);
        } catch (error) {
          if (!String(error).includes('LOADING') || Date.now() > end) throw error;
          await pause(20);
        }
      }
    } finally {
      client.disconnect();
    }
  }

  /** Ends the server as a crash does. What it had not written is lost. Its folder stays for a {@link restart}. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Lets the server stand still, its sockets open, until {@link resume}. */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  /** Takes away what an ended server has stored, so that it comes back without its data. */
  async wipe(): Promise<void> {
    for (const name of STORED) await rm(join(this.folder, name), { recursive: true, force: true });
  }

  /** Ends the server, if it still runs, and starts it on the same port and folder. */
  async restart(): Promise<void> {
    await this.end('SIGTERM');
    await this.launch();
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
    await rm(this.folder, { recursive: true, force: true });
  }

  private async launch(): Promise<void> {
    const { sentinel } = this.options;
    const args = sentinel ? await this.sentinelArgs(sentinel) : this.serverArgs();
    const child = spawn(process.env['REDIS_SERVER'] ?? 'redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    this.output = '';
    await new Promise<void>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        this.output += chunk.toString();
        if (READY.test(this.output)) resolve();
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('error', (cause) =>
        reject(new Error('redis-server: not found on the PATH nor by REDIS_SERVER', { cause })),
      );
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code} at its start:\n${this.output}`)));
    });
  }

  private serverArgs(): string[] {
    const config = {
      port: String(this.port),
      bind: HOST,
      dir: this.folder,
      save: '',
      appendonly: this.options.persistent === true ? 'yes' : 'no',
      appendfsync: 'always',
      'enable-debug-command': 'yes',
      ...this.options.config,
    };
    return Object.entries(config).flatMap(([name, value]) => [`--${name}`, value]);
  }

  private async sentinelArgs(lines: readonly string[]): Promise<string[]> {
    const file = join(this.folder, 'sentinel.conf');
    await writeFile(file, [`port ${this.port}`, `bind ${HOST}`, `dir ${this.folder}`, ...lines, ''].join('\n'));
    return [file, '--sentinel'];
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGCONT');
    child.kill(signal);
    const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(impatience);
  }
}

/** A port that is free now, and with it the one on which a cluster's nodes talk. */
export async function freePort(): Promise<number> {
  for (;;) {
    // One try after the other.
    const port = await listenOnce(0);
    if (port !== undefined && port + BUS_DISTANCE <= 65_535 && (await listenOnce(port + BUS_DISTANCE)) !== undefined) {
      return port;
    }
  }
}

/** @returns the port; `undefined`: it is taken. */
function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, HOST, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : undefined));
    });
  });
}
