import type { OnApplicationShutdown, OnModuleDestroy } from '@nestjs/common';
import { Controller, Get, HttpException, Inject, Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { RealtimeDrain, RealtimeHealth } from '../../src/index.js';
import { advanceUntil } from '../support/advance.js';
import { freshRoom, freshUser, say } from '../support/chat.js';
import { ChatFixtureGateway } from '../support/chat-fixture.gateway.js';
import { startChatWithClock } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { until, within } from '../support/within.js';

/** What a team's own application has: a probe, and something that its handlers need. */
@Controller()
class ReadinessController {
  constructor(@Inject(RealtimeHealth) private readonly health: RealtimeHealth) {}

  @Get('ready')
  async ready(): Promise<string> {
    const { status } = await this.health.check();
    if (status !== 'ok') throw new HttpException(status, 503);
    return status;
  }
}

const told: string[] = [];

@Injectable()
class Database implements OnModuleDestroy, OnApplicationShutdown {
  onModuleDestroy(): void {
    told.push('onModuleDestroy');
  }

  onApplicationShutdown(): void {
    told.push('onApplicationShutdown');
  }
}

describe("Nest's shutdown hooks", () => {
  let chat: ChatServer | undefined;

  afterEach(async () => {
    await chat?.close();
    chat = undefined;
    told.length = 0;
  });

  async function start() {
    const started = await startChatWithClock(
      { heartbeatMs: 0 },
      { gateways: [ChatFixtureGateway], controllers: [ReadinessController], providers: [Database] },
    );
    chat = started.chat;
    const { app, url } = chat.server;
    return {
      ...started,
      app,
      ready: async () => (await fetch(`${url.replace('ws', 'http')}/ready`)).status,
      /** What `enableShutdownHooks()` does when a signal comes. */
      shutDown: () => (app as unknown as { close(signal: string): Promise<void> }).close('SIGTERM'),
    };
  }

  it('lead everybody elsewhere after a signal, while HTTP is still served, and only then end the application', async () => {
    const { chat, clock, ready, shutDown, app } = await start();
    const client = await chat.enter(freshRoom(), freshUser());
    expect(await ready()).toBe(200);
    const ended = shutDown();
    await until('the application drains', () => app.get(RealtimeDrain).draining);
    expect(await ready()).toBe(503);
    await say(client, 'still here');
    expect(told).toEqual(['onModuleDestroy']);
    const closed = await advanceUntil(clock, 'the close', client.closed(), { withinMs: 6_000 });
    expect(closed.code).toBe(1012);
    await within('the end', ended);
    expect(told).toEqual(['onModuleDestroy', 'onApplicationShutdown']);
  });

  it('find nothing left to drain where the application drained before, with all that its handlers need', async () => {
    const { chat, clock, app } = await start();
    const client = await chat.enter(freshRoom(), freshUser());
    const drained = app.get(RealtimeDrain).drain();
    await say(client, 'still here');
    await advanceUntil(clock, 'the drain', drained, { withinMs: 6_000 });
    expect(told).toEqual([]);
    expect((await client.closed()).code).toBe(1012);
    await within('the end', chat.server.close());
  });
});
