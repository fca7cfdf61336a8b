import type { Server } from 'node:http';
import type { INestApplicationContext } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { Connection } from '../connection/connection.js';
import { RealtimeConfigError } from '../realtime.errors.js';
import { RealtimeModule } from '../realtime.module.js';
import { GatewayServer } from './gateway-server.js';
import { REALTIME_GATEWAY } from './metadata.js';
import type { GatewayDefinition } from './metadata.js';
import { UpgradeRouter } from './upgrade-router.js';

type AnyServer = Parameters<WsAdapter['close']>[0];
type Handlers = Parameters<WsAdapter['bindMessageHandlers']>[1];
type Transform = Parameters<WsAdapter['bindMessageHandlers']>[2];
type UpgradeListener = Parameters<UpgradeRouter['markStock']>[0];

/**
 * The one line in main.ts: `app.useWebSocketAdapter(new RealtimeWsAdapter(app))`. Gateways with `@RealtimeGateway` get
 * rooms, path parameters and guards at the handshake; others behave as under `WsAdapter`, and upgrade listeners of others
 * go on working.
 */
export class RealtimeWsAdapter extends WsAdapter {
  private readonly realtime: RealtimeModule;
  private readonly routers = new Map<Server, UpgradeRouter>();

  /** @throws RealtimeConfigError bad_config — the application does not import `RealtimeModule`. */
  constructor(app: INestApplicationContext, options?: ConstructorParameters<typeof WsAdapter>[1]) {
    super(app, options);
    this.realtime = moduleOf(app);
  }

  override create(port: number, options: Record<PropertyKey, unknown> & { path?: string }): AnyServer {
    const definition = options[REALTIME_GATEWAY as never] as GatewayDefinition | undefined;
    return definition ? (this.createOurs(port, definition) as AnyServer) : this.createStock(port, options);
  }

  override bindClientConnect(server: AnyServer, callback: (...args: never[]) => void): void {
    if (!(server instanceof GatewayServer)) return super.bindClientConnect(server, callback);
    const { binding } = server;
    if (binding.connect) {
      throw new RealtimeConfigError(
        `${binding.name}: another gateway, or the same one in another module, has its path ${binding.pattern.path}: give each a path of its own, and provide it once`,
      );
    }
    binding.connect = callback as unknown as (connection: Connection) => void;
  }

  override bindClientDisconnect(client: unknown, callback: (...args: never[]) => void): void {
    if (client instanceof Connection) client.onClosed(callback);
    else super.bindClientDisconnect(client, callback);
  }

  override bindMessageHandlers(client: unknown, handlers: Handlers, transform: Transform): void {
    if (client instanceof Connection) {
      this.realtime.runtime.bindHandlers(client, handlers);
    } else {
      super.bindMessageHandlers(client, handlers, transform);
    }
  }

  override async close(server: AnyServer): Promise<void> {
    if (!(server instanceof GatewayServer)) return super.close(server);
    await this.realtime.runtime.close(server.binding);
    this.realtime.binder.unbind(server.binding);
  }

  override async dispose(): Promise<void> {
    for (const router of this.routers.values()) router.close();
    this.routers.clear();
    await super.dispose();
  }

  private createOurs(port: number, definition: GatewayDefinition): GatewayServer {
    const { binder, runtime, rooms } = this.realtime;
    const binding = binder.bind(definition, port);
    this.routerOf(this.serverOf(port)).add(binding);
    runtime.add(binding);
    return new GatewayServer(binding, () => rooms.connections(binding.namespace));
  }

  /** The stock adapter adds its listener for upgrades here; it must not see those that are not its own. */
  private createStock(port: number, options: object): AnyServer {
    const before = new Set(this.upgradeListeners(port));
    const server = super.create(port, options);
    const added = this.upgradeListeners(port).filter((listener) => !before.has(listener));
    const httpServer = this.httpServersRegistry.get(port) as Server | undefined;
    if (httpServer) for (const listener of added) this.routerOf(httpServer).markStock(listener);
    return server;
  }

  private upgradeListeners(port: number): UpgradeListener[] {
    const server = (port === 0 ? this.httpServer : this.httpServersRegistry.get(port)) as Server | undefined;
    return (server?.listeners('upgrade') ?? []) as UpgradeListener[];
  }

  private serverOf(port: number): Server {
    if (port === 0) {
      if (this.httpServer) return this.httpServer as Server;
      throw new RealtimeConfigError('a @RealtimeGateway without a port of its own needs an HTTP application');
    }
    const known = this.httpServersRegistry.get(port) as Server | undefined;
    if (known) return known;
    const created = this.ensureHttpServerExists(port) as Server;
    created.listen(port);
    this.markStockListeners(created);
    return created;
  }

  private routerOf(server: Server): UpgradeRouter {
    const known = this.routers.get(server);
    if (known) return known;
    const { clock } = this.realtime;
    const router = new UpgradeRouter(server, {
      clock,
      onClaim: (upgrade) => this.realtime.runtime.claim(upgrade),
      isPlainPath: (path) => this.isPlainPath(server, path),
    });
    this.routers.set(server, router);
    return router;
  }

  private markStockListeners(server: Server): void {
    const router = this.routerOf(server);
    for (const listener of server.listeners('upgrade') as UpgradeListener[]) router.markStock(listener);
  }

  private isPlainPath(server: Server, path: string): boolean {
    for (const [port, httpServer] of this.httpServersRegistry) {
      if (httpServer !== server) continue;
      const plain = (this.wsServersRegistry.get(port) ?? []) as { path?: string }[];
      if (plain.some((one) => one.path === path)) return true;
    }
    return false;
  }
}

function moduleOf(app: INestApplicationContext): RealtimeModule {
  try {
    return app.get(RealtimeModule);
  } catch (cause) {
    throw new RealtimeConfigError(
      'RealtimeWsAdapter needs the module: import RealtimeModule.forRoot() in the root module of this application',
      { cause },
    );
  }
}
