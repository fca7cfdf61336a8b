import type { AddressInfo } from 'node:net';
import type { INestApplication, LoggerService, ModuleMetadata, Type } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Realtime, RealtimeModule, RealtimeWsAdapter, RoomRegistry } from '../index.js';
import type { RealtimeOptions } from '../index.js';

/** What {@link startTestServer} builds the application from. */
export interface TestServerOptions {
  /** Gateway classes. */
  readonly gateways?: readonly Type[];
  readonly providers?: ModuleMetadata['providers'];
  readonly controllers?: ModuleMetadata['controllers'];
  readonly imports?: ModuleMetadata['imports'];
  /** Options of the `RealtimeModule`. Default: memory broker, no key, so a gateway without guards. */
  readonly options?: RealtimeOptions;
  /**
   * An application that was made already, with `Test.createTestingModule()` say, in place of all of the above. It imports
   * `RealtimeModule` itself.
   */
  readonly app?: INestApplication;
  /** Default `false`: quiet. */
  readonly logger?: LoggerService | false;
  /** Called before the application listens: global pipes, guards, middleware. */
  readonly configure?: (app: INestApplication) => void | Promise<void>;
}

/** A server that listens on a free port of 127.0.0.1. */
export interface TestServer {
  readonly port: number;
  /** `ws://127.0.0.1:<port>` */
  readonly url: string;
  readonly app: INestApplication;
  readonly realtime: Realtime;
  readonly registry: RoomRegistry;
  /** Ends the application and every connection. May be called twice. */
  close(): Promise<void>;
}

@Module({})
class TestServerModule {}

/**
 * Starts a Nest application with gateways, as an application's `main.ts` does: memory broker, a free port, `NODE_ENV`
 * `test` where it is not set.
 */
export async function startTestServer(setup: TestServerOptions = {}): Promise<TestServer> {
  process.env['NODE_ENV'] ??= 'test';
  const app = setup.app ?? (await createApplication(setup));
  try {
    app.useWebSocketAdapter(new RealtimeWsAdapter(app));
    await setup.configure?.(app);
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    await app.close();
    throw error;
  }
  const { port } = (app.getHttpServer() as { address(): AddressInfo }).address();
  let closing: Promise<void> | undefined;
  return {
    port,
    url: `ws://127.0.0.1:${port}`,
    app,
    realtime: app.get(Realtime, { strict: false }),
    registry: app.get(RoomRegistry, { strict: false }),
    close: () => (closing ??= app.close()),
  };
}

function createApplication(setup: TestServerOptions): Promise<INestApplication> {
  const root = {
    module: TestServerModule,
    imports: [RealtimeModule.forRoot(setup.options ?? {}), ...(setup.imports ?? [])],
    controllers: [...(setup.controllers ?? [])],
    providers: [...(setup.gateways ?? []), ...(setup.providers ?? [])],
  };
  return NestFactory.create(root, { logger: setup.logger ?? false, abortOnError: false });
}
