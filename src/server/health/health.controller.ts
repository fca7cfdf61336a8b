import type { ServerResponse } from 'node:http';
import { Controller, Get, Header, Res } from '@nestjs/common';
import { RealtimeHealth } from '../../index.js';

/** What an orchestrator asks: whether to restart this process, and whether to send it people. */
@Controller()
export class HealthController {
  constructor(private readonly health: RealtimeHealth) {}

  /** The process lives. Asks nothing else: a restart would not mend a broker that is away. */
  @Get('healthz')
  @Header('Cache-Control', 'no-store')
  alive(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** 200 where the broker answers and this process does not drain, else 503; the body says what was found. */
  @Get('readyz')
  @Header('Cache-Control', 'no-store')
  async ready(@Res({ passthrough: true }) response: ServerResponse) {
    const found = await this.health.check();
    if (found.status !== 'ok') response.statusCode = 503;
    return found;
  }
}
