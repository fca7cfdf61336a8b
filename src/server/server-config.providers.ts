import type { ValueProvider } from '@nestjs/common';
import type { ServerConfig } from './config.js';

/** Injects the {@link ServerConfig}. */
export const SERVER_CONFIG = Symbol('SERVER_CONFIG');

export function provideServerConfig(config: ServerConfig): ValueProvider<ServerConfig> {
  return { provide: SERVER_CONFIG, useValue: config };
}
