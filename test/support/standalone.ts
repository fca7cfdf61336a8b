import type { AddressInfo } from 'node:net';
import type { LoggerService } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { RealtimeOptions } from '../../src/index.js';
import { createApp } from '../../src/server/app.factory.js';
import { parseConfig } from '../../src/server/config.js';

/** One line that the server logged. */
export interface LogLine {
  readonly level: string;
  readonly message: unknown;
}

/** The standalone server inside the test's own process, on a free port. */
export class Standalone {
  private constructor(
    readonly app: NestExpressApplication,
    readonly lines: readonly LogLine[],
    readonly port: number,
  ) {}

  /** Starts it with settings as the environment would give them; `options` are those that no setting has. */
  static async start(env: NodeJS.ProcessEnv = {}, options: RealtimeOptions = {}): Promise<Standalone> {
    const lines: LogLine[] = [];
    const config = parseConfig(env);
    const app = await createApp({ ...config, realtime: { ...config.realtime, ...options } }, collector(lines));
    await app.listen(0, '127.0.0.1');
    return new Standalone(app, lines, (app.getHttpServer().address() as AddressInfo).port);
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** What was logged with `{event}`. */
  events(name: string): Record<string, unknown>[] {
    return this.lines.flatMap(({ message }) => (isEvent(message) && message['event'] === name ? [message] : []));
  }

  async close(): Promise<void> {
    await this.app.close();
  }
}

function isEvent(message: unknown): message is Record<string, unknown> {
  return typeof message === 'object' && message !== null && 'event' in message;
}

function collector(lines: LogLine[]): LoggerService {
  const at = (level: string) => (message: unknown) => void lines.push({ level, message });
  return {
    log: at('log'),
    error: at('error'),
    warn: at('warn'),
    debug: at('debug'),
    verbose: at('verbose'),
    fatal: at('fatal'),
  };
}
