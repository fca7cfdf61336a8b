import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/server/main.js', import.meta.url));
/** A second where nothing else runs; a machine that is busy with everything else takes many. */
const START_TIMEOUT_MS = 45_000;
const SETTINGS = { PORT: '0', HOST: '127.0.0.1', LOG_FORMAT: 'json', DRAIN_DELAY_MS: '0', DRAIN_MS: '0' };

/** One structured line of the log: what was logged, as an object with its `event`. */
export type LogEvent = Readonly<Record<string, unknown>>;

/** The built standalone server in a process of its own, on a port of 127.0.0.1. */
export class ServerProcess {
  /** Everything it wrote, stdout and stderr, line by line. */
  readonly lines: string[] = [];
  private readonly ended: Promise<number | null>;
  private boundPort = 0;

  private constructor(
    private readonly child: ChildProcess,
    private readonly env: NodeJS.ProcessEnv,
  ) {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.lines.push(line));
    }
    this.ended = new Promise((resolve) => child.once('close', resolve));
  }

  /**
   * Starts it with these settings, and nothing else in its environment, on a free port unless `PORT` says which. A signal
   * ends it without delay, unless `DRAIN_DELAY_MS` and `DRAIN_MS` say otherwise.
   * Resolves when it listens.
   *
   * @throws Error with everything that it wrote, where it ended instead or took too long.
   */
  static async start(env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
    const settings = { ...SETTINGS, ...env };
    // Not in the project's folder: a developer's own `.env` there must not decide what a test sees.
    const child = spawn(process.execPath, [MAIN], {
      cwd: tmpdir(),
      env: { PATH: process.env['PATH'], ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const server = new ServerProcess(child, settings);
    await server.listening();
    return server;
  }

  /** Starts another one with the same settings on the same port; this one must have ended. */
  restart(): Promise<ServerProcess> {
    return ServerProcess.start({ ...this.env, PORT: String(this.port) });
  }

  get port(): number {
    return this.boundPort;
  }

  /** What it takes of the machine's memory now, in bytes. */
  get residentBytes(): number {
    const status = readFileSync(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** What was logged as this event so far. */
  events(name: string): LogEvent[] {
    return this.lines.flatMap((line) => {
      const event = readEvent(line);
      return event?.['event'] === name ? [event] : [];
    });
  }

  /** Asks it to end, by SIGTERM. Resolves with its exit code; `null`: a signal ended it. */
  stop(): Promise<number | null> {
    return this.end('SIGTERM');
  }

  /** Ends it as a crash does. */
  kill(): Promise<number | null> {
    return this.end('SIGKILL');
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Lets it stand still, its sockets open, until {@link resume}. */
  pause(): void {
    this.child.kill('SIGSTOP');
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }

  private end(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }

  private async listening(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const told = new Promise<number>((resolve) => {
      this.child.stdout?.on('data', () => {
        // The reader of lines hears the same data; the line is there one turn later.
        setImmediate(() => {
          const port = this.events('listening')[0]?.['port'];
          if (typeof port === 'number') resolve(port);
        });
      });
    });
    const failed = this.ended.then((code) => Promise.reject(this.complaint(`ended with ${code}`)));
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(this.complaint(`logged no "listening" within ${START_TIMEOUT_MS} ms`)),
        START_TIMEOUT_MS,
      );
    });
    try {
      this.boundPort = await Promise.race([told, failed, late]);
    } catch (error) {
      this.child.kill('SIGKILL');
      throw error;
    } finally {
      clearTimeout(timer);
      failed.catch(() => undefined); // Once it listens, its end is nobody's failure.
    }
  }

  private complaint(what: string): Error {
    return new Error(`expected ${MAIN} to listen, it ${what}. It wrote:\n${this.lines.join('\n')}`);
  }
}

/** Nest's JSON lines have what was logged in `message`. */
function readEvent(line: string): LogEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  const { message } = JSON.parse(line) as { message?: unknown };
  return typeof message === 'object' && message !== null ? (message as LogEvent) : undefined;
}
