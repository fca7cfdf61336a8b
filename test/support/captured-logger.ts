import { inspect } from 'node:util';
import type { LoggerService } from '@nestjs/common';

/** Keeps what an application logs, as text with everything that the objects hold. */
export class CapturedLogger implements LoggerService {
  readonly lines: string[] = [];

  log = (...args: unknown[]): void => this.keep('log', args);
  warn = (...args: unknown[]): void => this.keep('warn', args);
  error = (...args: unknown[]): void => this.keep('error', args);
  debug = (...args: unknown[]): void => this.keep('debug', args);
  verbose = (...args: unknown[]): void => this.keep('verbose', args);
  fatal = (...args: unknown[]): void => this.keep('fatal', args);

  /** Everything that was logged so far. */
  get text(): string {
    return this.lines.join('\n');
  }

  private keep(level: string, args: unknown[]): void {
    const options = { depth: 12, breakLength: Number.POSITIVE_INFINITY, showHidden: true, maxStringLength: null };
    this.lines.push(`${level} ${args.map((arg) => (typeof arg === 'string' ? arg : inspect(arg, options))).join(' ')}`);
  }
}
