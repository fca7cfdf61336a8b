import { setTimeout as pause } from 'node:timers/promises';
import { ServerProcess } from '../server-process.js';

const START_ATTEMPTS = 20;
const START_PAUSE_MS = 500;

/** Several built servers, behind something that leads new connections to those that are up. */
export class PodFleet {
  #turn = 0;
  readonly #down = new Set<number>();
  #restarts: Promise<void> = Promise.resolve();

  private constructor(private readonly servers: ServerProcess[]) {}

  /** Starts as many as there are settings, each with its own. */
  static async start(settings: readonly NodeJS.ProcessEnv[]): Promise<PodFleet> {
    const starts = await Promise.allSettled(settings.map((env) => untilItStarts(() => ServerProcess.start(env))));
    const servers = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    const failed = starts.find((start) => start.status === 'rejected');
    if (!failed) return new PodFleet(servers);
    await Promise.all(servers.map((server) => server.kill()));
    throw failed.reason;
  }

  get size(): number {
    return this.servers.length;
  }

  server(pod: number): ServerProcess {
    const server = this.servers[pod];
    if (!server) throw new RangeError(`expected a pod below ${this.size}, got ${pod}`);
    return server;
  }

  /** The pod for the next connection: the next one in turn that is up. */
  next(): number {
    for (let tried = 0; tried < this.size; tried += 1) {
      this.#turn = (this.#turn + 1) % this.size;
      if (!this.#down.has(this.#turn)) break;
    }
    return this.#turn;
  }

  /**
   * Ends a pod, by SIGTERM or as a crash does, and starts it again on its port. One at a time: a second one waits, so
   * that somebody is there.
   */
  restart(pod: number, how: 'stop' | 'kill', onEnding: () => void): Promise<void> {
    this.#restarts = this.#restarts.then(async () => {
      this.#down.add(pod);
      onEnding();
      const server = this.server(pod);
      await server[how]();
      this.servers[pod] = await untilItStarts(() => server.restart());
      this.#down.delete(pod);
    });
    return this.#restarts;
  }

  /** Lets a pod stand still for a while, its sockets open. Clients are still led to it. Waits for what {@link restart} does. */
  pause(pod: number, lastsMs: number, onPaused: () => void): Promise<void> {
    this.#restarts = this.#restarts.then(async () => {
      onPaused();
      this.server(pod).pause();
      await pause(lastsMs);
      this.server(pod).resume();
    });
    return this.#restarts;
  }

  async close(): Promise<void> {
    await this.#restarts.catch(() => undefined); // Told by restart().
    await Promise.all(this.servers.map((server) => server.kill()));
  }
}

/** One that finds no Redis that takes writes ends, and is started again, as an orchestrator does it. */
async function untilItStarts(start: () => Promise<ServerProcess>): Promise<ServerProcess> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
      await pause(START_PAUSE_MS);
    }
  }
}
