import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { DashboardController } from './dashboard.controller.js';

/** The page with live figures. Without an admin key it is not there; its figures come from the admin API. */
@Module({})
export class DashboardModule {
  static forKeys(keys: readonly string[]): DynamicModule {
    return { module: DashboardModule, controllers: keys.length > 0 ? [DashboardController] : [] };
  }
}
