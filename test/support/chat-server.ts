import type { ModuleMetadata, Type } from '@nestjs/common';
import { RoomPolicy } from '../../src/index.js';
import type { RealtimeOptions } from '../../src/index.js';
import { ManualClock, startTestServer } from '../../src/testing/index.js';
import type { TestServer, TestServerOptions } from '../../src/testing/index.js';
import { Chat } from './chat.js';
import { ChatFixtureGateway, ListedPolicy } from './chat-fixture.gateway.js';
import { Probe } from './probe.js';
import { TickerFixtureGateway } from './ticker-fixture.gateway.js';

export const SECRET = 'a secret of the tests, long enough for HS256';

export interface ChatServerOptions extends Omit<TestServerOptions, 'gateways'> {
  /** Default: the chat fixture, and the ticker's. */
  readonly gateways?: readonly Type[];
  readonly providers?: NonNullable<ModuleMetadata['providers']>;
}

/** A chat whose insides a test can reach. */
export class ChatServer extends Chat {
  constructor(
    readonly server: TestServer,
    readonly probe: Probe,
    readonly policy: ListedPolicy,
    now?: () => number,
  ) {
    super([server.url], SECRET, now);
  }

  get realtime(): TestServer['realtime'] {
    return this.server.realtime;
  }

  get registry(): TestServer['registry'] {
    return this.server.registry;
  }

  /** Ends clients and server. */
  async close(): Promise<void> {
    await this.cleanUp();
    await this.server.close();
  }
}

/** Starts the chat fixture, or other gateways in its place, with settings of the module. */
export async function startChat(options: RealtimeOptions = {}, setup: ChatServerOptions = {}): Promise<ChatServer> {
  const probe = new Probe();
  const policy = new ListedPolicy();
  const server = await startTestServer({
    ...setup,
    gateways: setup.gateways ?? [ChatFixtureGateway, TickerFixtureGateway],
    providers: [
      { provide: Probe, useValue: probe },
      { provide: RoomPolicy, useValue: policy },
      ...(setup.providers ?? []),
    ],
    options: { ...options, auth: { jwt: { secret: SECRET }, ...options.auth } },
  });
  const { clock } = options;
  return new ChatServer(server, probe, policy, clock && (() => clock.now()));
}

/** {@link startChat} with time that the test moves. */
export async function startChatWithClock(
  options: RealtimeOptions = {},
  setup: ChatServerOptions = {},
): Promise<{ chat: ChatServer; clock: ManualClock }> {
  const clock = new ManualClock();
  return { chat: await startChat({ ...options, clock }, setup), clock };
}

/** The server that `url` tests run against: the one that ROOKERY_URL names, else one that is started here. */
export async function openChat(): Promise<Chat & { close(): Promise<void> }> {
  const url = process.env['ROOKERY_URL'];
  if (!url) return startChat();
  const secret = process.env['ROOKERY_SECRET'];
  if (!secret) throw new Error('ROOKERY_URL needs ROOKERY_SECRET: the suite makes its own tokens');
  const chat = new Chat(url.split(','), secret);
  return Object.assign(chat, { close: () => chat.cleanUp() });
}
