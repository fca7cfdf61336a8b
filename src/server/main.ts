#!/usr/bin/env node
import { isIPv6 } from 'node:net';
import type { AddressInfo } from 'node:net';
import { constants } from 'node:os';
import { ConfigError, parseConfig } from './config.js';
import type { ServerConfig } from './config.js';
import { loadEnvFile } from './env-file.js';

/**
 * How long connections, hooks and requests may take to end after the drain. With its defaults the whole stays below the
 * 30 s that Kubernetes gives (`terminationGracePeriodSeconds`).
 */
const CLOSE_TIMEOUT_MS = 9_000;
/** What a failed start is told in one sentence for; anything else is a fault of the program and keeps its stack. */
const EXPECTED_CODES: ReadonlySet<unknown> = new Set([
  'bad_config',
  'unavailable',
  'EADDRINUSE',
  'EACCES',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
]);

try {
  await start(parseConfig(process.env, loadEnvFile('.env')));
} catch (error) {
  process.stderr.write(`${failure(error)}\n`);
  process.exit(1);
}

async function start(config: ServerConfig): Promise<void> {
  const startedAt = Date.now();
  // After the settings: a wrong one is told at once, and also where an optional package is missing.
  const { Logger } = await import('@nestjs/common');
  const { ServerLogger } = await import('./server-logger.service.js');
  const { createApp } = await import('./app.factory.js');
  const { RealtimeDrain } = await import('../index.js');
  const app = await createApp(config, new ServerLogger(config.log));
  const logger = new Logger('Server');
  for (const message of config.warnings) logger.warn({ event: 'setting_warning', message });
  if (config.secretIsRandom) logger.warn({ event: 'secret_made', message: secretNote(config) });
  stopOnSignal(config.drainTotalMs + CLOSE_TIMEOUT_MS, async (signal) => {
    logger.log({ event: 'stopping', signal, message: 'Connections are led elsewhere; a second signal ends at once.' });
    await app.get(RealtimeDrain).drain();
    await app.close();
    logger.log({ event: 'stopped', uptimeMs: Date.now() - startedAt });
  });
  await (config.host === undefined ? app.listen(config.port) : app.listen(config.port, config.host));
  const { port, address: host } = app.getHttpServer().address() as AddressInfo;
  const broker = config.realtime.redis === undefined ? 'memory' : 'redis';
  logger.log({
    event: 'listening',
    port,
    host,
    url: urlOf(config.host, port),
    broker,
    production: config.production,
    devTokens: config.devTokens,
    startMs: Date.now() - startedAt,
  });
}

/** The first signal closes and exits with 0; a second one, or a close that takes too long, ends the process at once. */
function stopOnSignal(timeoutMs: number, close: (signal: string) => Promise<void>): void {
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(128 + constants.signals[signal]);
      stopping = true;
      setTimeout(() => {
        process.stderr.write(`Not everything was closed within ${timeoutMs} ms; ended all the same.\n`);
        process.exit(1);
      }, timeoutMs).unref();
      close(signal).then(
        () => process.exit(0),
        (error: unknown) => {
          process.stderr.write(`${failure(error)}\n`);
          process.exit(1);
        },
      );
    });
  }
}

/** Where a browser on this machine finds the server. */
function urlOf(host: string | undefined, port: number): string {
  const everywhere = host === undefined || host === '0.0.0.0' || host === '::';
  return `http://${everywhere ? 'localhost' : isIPv6(host) ? `[${host}]` : host}:${port}/`;
}

function secretNote(config: ServerConfig): string {
  const given = config.devTokens === 'off' ? 'nobody (DEV_TOKENS=false)' : config.devTokens;
  return `No JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URI: a secret was made for this run, tokens end with it. POST /dev/token serves ${given}.`;
}

function failure(error: unknown): string {
  if (error instanceof ConfigError) return error.problems.join('\n');
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (!(error instanceof Error)) return String(error);
  const missing = code === 'ERR_MODULE_NOT_FOUND' ? /package '([^']+)'/.exec(error.message)?.[1] : undefined;
  if (missing) return `The server needs the package ${missing}, which is not installed: npm install ${missing}`;
  if (code === 'EADDRINUSE')
    return 'PORT: the port is in use by another process; set PORT to a free one, or to 0 for any.';
  return EXPECTED_CODES.has(code) ? error.message : (error.stack ?? error.message);
}
