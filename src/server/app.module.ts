import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { RealtimeModule } from '../index.js';
import { RealtimeAdminModule } from '../realtime/admin/index.js';
import { ChatGateway } from './chat/chat.gateway.js';
import type { ServerConfig } from './config.js';
import { DashboardModule } from './dashboard/dashboard.module.js';
import { DevTokensModule } from './dev-tokens/dev-tokens.module.js';
import { EchoGateway } from './echo/echo.gateway.js';
import { HealthController } from './health/health.controller.js';
import { MetricsController, metricsRegistry } from './metrics/metrics.controller.js';
import { ClientBundleController } from './pages/client-bundle.controller.js';
import { ReliableGateway } from './reliable/reliable.gateway.js';
import { SecureGateway } from './secure/secure.gateway.js';
import { provideServerConfig } from './server-config.providers.js';

/** The standalone server: everything it consists of. */
@Module({})
export class AppModule {
  static forConfig(config: ServerConfig): DynamicModule {
    return {
      module: AppModule,
      imports: [
        RealtimeModule.forRoot({ ...config.realtime, metrics: metricsRegistry }),
        RealtimeAdminModule.forRoot({ key: config.adminKeys }),
        DashboardModule.forKeys(config.adminKeys),
        ...(config.devTokens === 'off' ? [] : [DevTokensModule.forConfig(config)]),
      ],
      controllers: [HealthController, ClientBundleController, MetricsController],
      providers: [provideServerConfig(config), ChatGateway, EchoGateway, SecureGateway, ReliableGateway],
    };
  }
}
