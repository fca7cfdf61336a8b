import type { Server } from 'node:http';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { RealtimeWsAdapter } from '../index.js';
import { AppModule } from './app.module.js';
import type { ServerConfig } from './config.js';
import { HttpErrorFilter } from './http-error.filter.js';
import { publicFolder } from './pages/page-files.js';
import { securityHeaders } from './pages/security-headers.js';

const HEADERS_TIMEOUT_MS = 10_000;
const HEADERS_CHECK_MS = 2_000;

/**
 * Puts the server together; it does not listen yet. Close it with `app.close()`.
 *
 * @throws RealtimeConfigError where the library refuses an option.
 */
export async function createApp(config: ServerConfig, logger: LoggerService | false): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.forConfig(config), new ServerAdapter(), {
    logger,
    bodyParser: false, // Only JSON, see below: a form is what a page of another site could send.
    abortOnError: false, // Who called decides what a failed start means; Nest would end the process.
  });
  const server: Server = app.getHttpServer();
  // A peer that sends its headers byte by byte, or none at all, is not waited for.
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  Object.assign(server, { connectionsCheckingInterval: HEADERS_CHECK_MS }); // An option of http.createServer, which Nest calls.
  app.useWebSocketAdapter(new RealtimeWsAdapter(app));
  app.disable('x-powered-by');
  app.use(securityHeaders);
  app.useBodyParser('json', { limit: config.maxBodyBytes });
  app.useStaticAssets(publicFolder(), {
    setHeaders: (response) => response.setHeader('Cache-Control', 'no-cache'),
  });
  app.useGlobalFilters(new HttpErrorFilter());
  return app;
}

/**
 * A half-sent request must not hold up the end. Nest's `forceCloseConnections` would see to it too, but holds on to each
 * connection, with a listener of its own, for as long as it is a WebSocket: 190 bytes. What was upgraded is the gateways'.
 */
class ServerAdapter extends ExpressAdapter {
  override close(): Promise<unknown> | undefined {
    const closed = super.close();
    (this.getHttpServer() as Server | undefined)?.closeAllConnections();
    return closed;
  }
}
