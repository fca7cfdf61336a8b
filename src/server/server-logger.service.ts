import { ConsoleLogger } from '@nestjs/common';
import type { LogLevel } from '@nestjs/common';
import type { LogLevelName, ServerConfig } from './config.js';

/** From the most important level to the least, as Nest calls them. */
const LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'];

/** What Nest tells about its own start: of use to who debugs it, noise to who runs it. */
const FRAMEWORK_CONTEXTS: ReadonlySet<unknown> = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'WebSocketsController',
]);

/** Writes one line per event: a JSON object, or for people `event key=value …`. */
export class ServerLogger extends ConsoleLogger {
  constructor(config: ServerConfig['log']) {
    super({
      prefix: 'Rookery',
      logLevels: levelsFrom(config.level),
      // Colours would make Nest print JSON as JavaScript, over several lines.
      ...(config.format === 'json' ? { json: true, colors: false } : {}),
    });
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (FRAMEWORK_CONTEXTS.has(rest.at(-1))) super.debug(message, ...rest);
    else super.log(message, ...rest);
  }

  override error(message: unknown, ...rest: unknown[]): void {
    // A start that failed: it is thrown too, and `main` tells it, in one sentence where a setting is at fault.
    if (rest.at(-1) === 'ExceptionHandler' || rest.at(-1) === 'NestApplication') return;
    super.error(message, ...rest);
  }

  protected override stringifyMessage(message: unknown, logLevel: LogLevel): string {
    if (typeof message !== 'object' || message === null || !('event' in message)) {
      return super.stringifyMessage(message, logLevel);
    }
    const { event, ...rest } = message;
    const pairs = Object.entries(rest).filter(([, value]) => value !== undefined);
    return this.colorize([event, ...pairs.map(([key, value]) => `${key}=${inOneWord(value)}`)].join(' '), logLevel);
  }
}

function levelsFrom(least: LogLevelName): LogLevel[] {
  return LEVELS.slice(0, LEVELS.indexOf(least === 'info' ? 'log' : least) + 1);
}

function inOneWord(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value) ?? String(value);
}
