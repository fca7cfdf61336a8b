import { Inject, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationShutdown } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { RealtimeHealth } from '../health/realtime-health.service.js';
import { RealtimeConfigError } from '../realtime.errors.js';
import type { RealtimeParts } from '../realtime.parts.js';
import { REALTIME_PARTS } from '../realtime.tokens.js';
import { AdminCalls } from './admin-calls.interceptor.js';
import { AdminController } from './admin.controller.js';
import { AdminErrorFilter } from './admin-error.filter.js';
import { AdminGuard } from './admin.guard.js';
import { ADMIN_KEYS } from './admin.tokens.js';
import { PodCensus } from './pod-census.js';
import { PodFigureCollector } from './pod-figures.js';
import { PodsController } from './pods.controller.js';

export interface RealtimeAdminOptions {
  /**
   * What callers show as `Authorization: Bearer <key>`: 32 visible ASCII characters or more. Several for a rotation.
   * Not set, or empty: the routes are not there.
   */
  readonly key?: string | readonly string[] | undefined;
  /** Path before the routes, behind the application's global prefix. Default `api`. */
  readonly path?: string;
}

const KEY = /^[\x21-\x7e]{32,}$/;

/**
 * HTTP routes for operators and back ends: publish, kick, look (docs/admin.md). Import it beside `RealtimeModule`, in an
 * application with an HTTP platform. Needs class-validator and class-transformer.
 */
@Module({})
export class RealtimeAdminModule implements OnApplicationShutdown {
  constructor(@Inject(PodFigureCollector) private readonly figures: PodFigureCollector) {}

  /** @throws RealtimeConfigError bad_config — a key that could be guessed, or can't stand in a header. */
  static forRoot({ key, path = 'api' }: RealtimeAdminOptions): DynamicModule {
    const keys = [key ?? []].flat().filter((one) => one !== '');
    if (keys.length === 0) return { module: ClosedAdminModule };
    if (!keys.every((one) => KEY.test(one))) {
      throw new RealtimeConfigError(
        'admin key: expected 32 or more visible ASCII characters, got something else (not shown): openssl rand -base64 32',
      );
    }
    return {
      module: RealtimeAdminModule,
      imports: [RouterModule.register([{ path, module: RealtimeAdminModule }])],
      controllers: [AdminController, PodsController],
      providers: [
        { provide: ADMIN_KEYS, useValue: keys },
        AdminGuard,
        AdminErrorFilter,
        AdminCalls,
        {
          provide: PodFigureCollector,
          inject: [REALTIME_PARTS, RealtimeHealth],
          useFactory: (parts: RealtimeParts, health: RealtimeHealth) => new PodFigureCollector(parts, health),
        },
        {
          provide: PodCensus,
          inject: [REALTIME_PARTS, PodFigureCollector],
          useFactory: ({ backend, clock, events }: RealtimeParts, figures: PodFigureCollector) =>
            new PodCensus({ broker: backend.broker, clock, events, figures: () => figures.now() }),
        },
      ],
    };
  }

  onApplicationShutdown(): void {
    this.figures.stop();
  }
}

/** What is there without a key: nothing. */
@Module({})
class ClosedAdminModule {}
