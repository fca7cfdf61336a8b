import { ConfigurableModuleBuilder, Global, Inject, Module } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { DiscoveryModule, HttpAdapterHost, ModuleRef } from '@nestjs/core';
import type { Clock } from './clock.js';
import { GatewayBinder } from './gateway/gateway-binder.service.js';
import type { GatewayRuntime } from './gateway/gateway-runtime.js';
import { RealtimeLog } from './logging/realtime-log.service.js';
import { RealtimeConfigError } from './realtime.errors.js';
import { resolveOptions } from './resolve-options.js';
import type { RealtimeOptions } from './realtime.options.js';
import type { RealtimeParts } from './realtime.parts.js';
import { realtimeExports, realtimeProviders } from './realtime.providers.js';
import { REALTIME_OPTIONS, REALTIME_PARTS } from './realtime.tokens.js';
import type { RoomRegistry } from './rooms/room-registry.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<RealtimeOptions>()
  .setClassMethodName('forRoot')
  .build();

/**
 * Rooms for the whole application: import it once, by `forRoot` or `forRootAsync`, in the root module. Works without a
 * gateway too, in a worker that only publishes.
 */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    { provide: REALTIME_OPTIONS, inject: [MODULE_OPTIONS_TOKEN], useFactory: resolveOptions },
    ...realtimeProviders,
  ],
  exports: realtimeExports,
})
export class RealtimeModule
  extends ConfigurableModuleClass
  implements OnModuleInit, BeforeApplicationShutdown, OnApplicationShutdown
{
  /** @internal */
  readonly rooms: RoomRegistry;
  /** @internal */
  readonly runtime: GatewayRuntime;
  /** @internal */
  readonly clock: Clock;
  private readonly httpAdapterHost: HttpAdapterHost | undefined;

  constructor(
    @Inject(REALTIME_PARTS) private readonly parts: RealtimeParts,
    /** @internal */
    @Inject(GatewayBinder) readonly binder: GatewayBinder,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
    @Inject(RealtimeLog) _log: RealtimeLog,
  ) {
    super();
    this.rooms = parts.registry;
    this.runtime = parts.runtime;
    this.clock = parts.clock;
    this.httpAdapterHost = this.moduleRef.get(HttpAdapterHost, { strict: false });
  }

  /**
   * @throws RealtimeConfigError bad_config — imported twice, a gateway that our adapter does not serve, or a RoomPolicy
   *   that can't be asked.
   */
  async onModuleInit(): Promise<void> {
    this.refuseSecondImport();
    this.parts.policy();
    if (this.httpAdapterHost?.httpAdapter) this.binder.checkAllBound();
    const { direct, events } = this.parts;
    events.emit('writesChosen', 'writer' in direct ? { writes: 'native' } : { writes: 'socket.write', ...direct });
    await this.parts.backend.open();
    this.parts.verifier?.start();
    this.parts.runtime.start();
  }

  /** Before Nest closes servers and sockets: readiness probes are answered while connections are led elsewhere. */
  async beforeApplicationShutdown(signal?: string): Promise<void> {
    if (signal !== undefined) await this.parts.drain.drain();
  }

  /** After the sockets, the broker goes last: what the hooks of closing connections publish still arrives. */
  async onApplicationShutdown(): Promise<void> {
    this.parts.heartbeat.stop();
    this.parts.verifier?.close();
    const graceMs = this.parts.tracker.close();
    await this.parts.registry.close();
    await this.parts.backend.close(graceMs);
  }

  private refuseSecondImport(): void {
    const all = this.moduleRef.get<RealtimeParts>(REALTIME_PARTS, { strict: false, each: true }) as unknown;
    if (!Array.isArray(all) || all.length <= 1) return;
    throw new RealtimeConfigError(
      'RealtimeModule is imported more than once: call forRoot() in the root module only; it is global, other modules need no import',
    );
  }
}
