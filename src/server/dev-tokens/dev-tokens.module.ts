import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import type { ServerConfig } from '../config.js';
import { provideServerConfig } from '../server-config.providers.js';
import { DevTokenController } from './dev-token.controller.js';
import { DevTokenService } from './dev-token.service.js';

/** Tokens for development. In production this module is not there, so neither is its path. */
@Module({})
export class DevTokensModule {
  static forConfig(config: ServerConfig): DynamicModule {
    return {
      module: DevTokensModule,
      imports: [JwtModule.register({})],
      controllers: [DevTokenController],
      providers: [provideServerConfig(config), DevTokenService],
    };
  }
}
