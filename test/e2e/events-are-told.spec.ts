import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { LoggerService } from '@nestjs/common';
import { Registry } from 'prom-client';
import { RealtimeDrain } from '../../src/index.js';
import type { RealtimeOptions } from '../../src/index.js';
import { RealtimeAdminModule } from '../../src/realtime/admin/index.js';
import { MemoryPresence } from '../../src/realtime/presence/memory-presence.js';
import { MemoryPresenceStore } from '../../src/realtime/presence/memory-presence-store.js';
import { FlakyBroker, ManualClock, TestClient } from '../../src/testing/index.js';
import type { TestClientOptions } from '../../src/testing/index.js';
import { memoryBroker, memoryStore } from '../support/brokers.js';
import { freshRoom, freshUser, say } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { clientFrame, RawWebSocket } from '../support/raw-websocket.js';
import { until } from '../support/within.js';

jest.setTimeout(30_000);

const KEY = 'k'.repeat(32);

/** One row of docs/metrics.md. */
interface Row {
  readonly event: string;
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly line: string;
  readonly level: string;
  readonly fields: readonly string[];
}

type Line = Readonly<Record<string, unknown>> & { readonly level: string };

/** A server whose log and metrics a test reads. */
class Watched {
  readonly lines: Line[] = [];
  readonly registry = new Registry();
  readonly store = memoryStore();
  readonly broker = new FlakyBroker(memoryBroker({ store: this.store }));
  chat!: ChatServer;

  async start(options: RealtimeOptions = {}): Promise<ChatServer> {
    this.chat = await startChat(
      { metrics: this.registry, broker: this.broker, positionCheckMs: 0, ...options },
      { logger: this.logger(), imports: [RealtimeAdminModule.forRoot({ key: KEY })] },
    );
    return this.chat;
  }

  /** Sum over the samples that have these labels. */
  async value({ metric, labels }: Row): Promise<number> {
    const { values } = (await this.registry.getSingleMetric(metric)?.get()) ?? { values: [] };
    return values
      .filter((sample) => Object.entries(labels).every(([name, value]) => String(sample.labels[name]) === value))
      .reduce((sum, sample) => sum + sample.value, 0);
  }

  admin(path: string, body: object, key = KEY): Promise<Response> {
    return fetch(`${this.chat.url.replace('ws', 'http')}/api/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  private logger(): LoggerService {
    const at = (level: string) => (message: unknown) => {
      if (typeof message === 'object' && message !== null) this.lines.push({ ...message, level });
    };
    return { log: at('log'), warn: at('warn'), error: at('error'), debug: at('debug') };
  }
}

let watched: Watched | undefined;

afterEach(async () => {
  await watched?.chat.close();
  watched = undefined;
});

const room = (): string => freshRoom();

async function refuse(chat: ChatServer, options: TestClientOptions = {}, name = freshRoom()): Promise<void> {
  await TestClient.refusal(`${chat.url}/ws/chat/${encodeURIComponent(name)}`, {
    token: chat.token(freshUser()),
    ...options,
  });
}

async function fillReaders(at: Watched, options: RealtimeOptions): Promise<void> {
  const chat = await at.start(options);
  const name = room();
  (await chat.enter(name, freshUser())).pause();
  while (chat.registry.connections().some(({ open }) => open)) {
    await chat.realtime.to(`chat/${name}`).publish('message', { text: 'x'.repeat(50_000) }, { id: randomUUID() });
    await new Promise((resolve) => setImmediate(resolve)); // The sockets are looked at.
  }
}

async function sendRaw(at: Watched, frame: Buffer): Promise<void> {
  const chat = await at.start();
  const raw = RawWebSocket.send(chat.url, { path: `/ws/chat/${room()}?token=${chat.token(freshUser())}` });
  await raw.answer();
  await until('it is in', () => chat.registry.rooms().some(({ namespace }) => namespace === 'chat'));
  raw.write(frame);
  await until('it is closed', () => chat.registry.connections().every(({ open }) => !open));
  raw.destroy(); // Without an answer to the close frame.
}

/** Loses a message on its way to this pod. */
async function miss(at: Watched, name: string): Promise<void> {
  at.broker.dropDeliveries();
  await at.chat.realtime.to(`chat/${name}`).publish('message', { text: 'missed' });
}

const provoke: Readonly<Record<string, (at: Watched) => Promise<void>>> = {
  'a reader is too slow': (at) => fillReaders(at, { maxBufferedBytes: 262_144 }),
  'all readers together have too much queued': (at) =>
    fillReaders(at, { maxBufferedBytes: 0, maxBufferedTotalBytes: 1_048_576 }),
  'a frame above the rate': async (at) => {
    const client = await (await at.start({ messagesPerSecond: 1, messagesBurst: 1 })).enter(room(), freshUser());
    for (let i = 0; i < 3; i += 1) client.send({ type: 'message', text: 'x' });
    await client.next('error');
  },
  'above the rate for 10 s': async (at) => {
    const clock = new ManualClock();
    const chat = await at.start({ clock, heartbeatMs: 0, messagesPerSecond: 10, messagesBurst: 10 });
    const client = await chat.enter(room(), freshUser());
    while (client.isOpen) {
      for (let i = 0; i < 30; i += 1) client.send({ type: 'message', text: 'x' });
      await client.roundTrip().catch(() => undefined); // The close may come before the pong.
      clock.advance(500);
    }
  },
  'a flood of pings': async (at) => {
    const client = await (await at.start()).enter(room(), freshUser());
    for (let i = 0; i < 700; i += 1) client.send({ type: 'pong' });
    await client.closed();
  },
  'a faulty frame': async (at) => {
    const client = await (await at.start()).enter(room(), freshUser());
    await client.request({ type: 'message', room: 'elsewhere', text: 'x' });
  },
  'too many faulty frames': async (at) => {
    const client = await (await at.start({ maxErrorsPerMinute: 3 })).enter(room(), freshUser());
    for (let i = 0; i < 5; i += 1) client.sendText('{');
    await client.closed();
  },
  'a frame that breaks RFC 6455': (at) => sendRaw(at, clientFrame('x', 3)),
  'a frame that is too large': (at) => sendRaw(at, Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0])),
  'a peer that is silent': async (at) => {
    const clock = new ManualClock();
    const chat = await at.start({ clock, heartbeatMs: 1_000 });
    const client = await chat.enter(room(), freshUser());
    client.pause();
    for (let i = 0; i < 30; i += 1) clock.advance(200);
    client.resume();
    await client.closed();
  },
  'a connection is replaced by a newer one': async (at) => {
    const chat = await at.start({ maxConnectionsPerUser: 1, whenUserIsFull: 'replace' });
    const [name, sub] = [room(), freshUser()];
    const first = await chat.enter(name, sub);
    await chat.enter(name, sub);
    await first.closed();
  },
  'a handshake without a good token': async (at) => refuse(await at.start(), { token: 'none' }),
  'a handshake that policy or ban forbid': async (at) => {
    const chat = await at.start();
    const [name, sub] = [room(), freshUser()];
    chat.policy.noJoin.add(`${sub} ${name}`);
    await refuse(chat, { token: chat.token(sub) }, name);
  },
  'a handshake of another origin': async (at) => {
    const client = await (await at.start()).connect(room(), freshUser(), { origin: 'https://evil.example' });
    await client.closed();
  },
  "a handshake for no room's name": async (at) => refuse(await at.start(), {}, 'a b'),
  'a handshake with a bearer subprotocol alone': async (at) => refuse(await at.start(), { protocols: ['bearer.x'] }),
  'a handshake above a limit of user or address': async (at) => {
    const chat = await at.start({ maxConnectionsPerIp: 1 });
    await chat.enter(room(), freshUser());
    await refuse(chat);
  },
  'a handshake above a limit of the pod': async (at) => {
    const chat = await at.start({ maxConnections: 1 });
    await chat.enter(room(), freshUser());
    await refuse(chat);
  },
  'a handshake while the broker is away': async (at) => {
    const chat = await at.start();
    at.broker.goAway();
    await refuse(chat);
    at.broker.comeBack();
  },
  'a handshake while draining': async (at) => {
    const chat = await at.start({ drainDelayMs: 60_000 });
    void chat.server.app.get(RealtimeDrain).drain();
    await refuse(chat);
  },
  'Redis is away': async (at) => {
    await at.start();
    at.broker.goAway();
  },
  'Redis is back': async (at) => {
    await at.start();
    at.broker.goAway();
    at.broker.comeBack();
  },
  'rooms read what they missed while cut off': async (at) => {
    const [chat, name] = [await at.start(), room()];
    const client = await chat.enter(name, freshUser());
    await miss(at, name);
    at.broker.interrupt([`chat/${name}`]);
    await client.next('message');
  },
  'a message jumped, the room is repaired': async (at) => {
    const [chat, name] = [await at.start(), room()];
    const client = await chat.enter(name, freshUser());
    await miss(at, name);
    at.broker.heal();
    await say(client, 'after the gap');
  },
  'the position check found a room behind': async (at) => {
    const [chat, name] = [await at.start({ positionCheckMs: 20 }), room()];
    const client = await chat.enter(name, freshUser());
    await miss(at, name);
    await client.next('message');
  },
  "a room's numbering began anew": (at) => loseFrames(at),
  'members are told `recovered: false`': (at) => loseFrames(at),
  'a joiner is told `recovered: false`': async (at) => {
    await (await at.start()).enter(room(), freshUser(), { since: 'nothing.7' });
  },
  'a user left because the pod is gone': async (at) => {
    const store = new MemoryPresenceStore();
    const pod = (): RealtimeOptions => ({ presence: new MemoryPresence({ store }), leaveGraceMs: 20 });
    const dying = await startChat({ ...pod(), broker: memoryBroker({ store: at.store }) });
    const chat = await at.start(pod());
    const name = room();
    await chat.enter(name, freshUser());
    await dying.enter(name, freshUser('gone'));
    await dying.close();
  },
  'a user is kicked': async (at) => (await at.start()).realtime.to('chat/a').kick('u1', { forMs: 1 }),
  'a user is disconnected': async (at) => (await at.start()).realtime.user('u1').disconnect(),
  'a ban is ended': async (at) => (await at.start()).realtime.to('chat/a').unban('u1'),
  'the admin API is called': async (at) => {
    await at.start();
    await at.admin('kick', { room: 'chat/a', user: 'u1' });
  },
  'the admin API is called without the key': async (at) => {
    await at.start();
    await at.admin('kick', { room: 'chat/a', user: 'u1' }, 'wrong');
  },
  'a drain begins': (at) => drain(at),
  'a drain closes connections': (at) => drain(at),
  'a drain has ended': (at) => drain(at),
  'a hook of the application threw': async (at) => {
    const chat = await at.start();
    const [name, sub] = [room(), freshUser()];
    chat.probe.fail(`onJoin:${sub} ${name}`);
    await (await chat.connect(name, sub)).closed();
  },
  'a fault inside': async (at) => {
    const chat = await at.start();
    chat.policy.mayJoin = () => {
      throw new Error('the policy broke');
    };
    await refuse(chat);
  },
};

/** What no test of one process can make, and who makes it. */
const elsewhere: Readonly<Record<string, string>> = {
  'the probe does not come back': 'test/fault/a-pod-that-hears-nothing-is-never-ready.spec.ts',
};

async function loseFrames(at: Watched): Promise<void> {
  const [chat, name] = [await at.start(), room()];
  const client = await chat.enter(name, freshUser());
  await say(client, 'lost');
  at.store.beginEpoch(`chat/${name}`, 0);
  at.broker.interrupt([`chat/${name}`]);
  await client.next((frame) => frame.type === 'joined' && frame['recovered'] === false);
}

async function drain(at: Watched): Promise<void> {
  const chat = await at.start({ drainDelayMs: 0, drainMs: 0 });
  const client = await chat.enter(room(), freshUser());
  await chat.server.app.get(RealtimeDrain).drain();
  await client.closed();
}

function readTable(): Row[] {
  const text = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8').split('## Events')[1] ?? '';
  const rows = text.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| event '));
  return rows
    .filter((line) => !line.startsWith('| ---'))
    .map((line) => {
      const [event = '', metric = '', name = '', level = '', fields = ''] = line
        .split('|')
        .slice(1)
        .map((cell) => cell.trim());
      const [, metricName = '', labels = ''] = /^`(\w+)(?:\{(.*)\})?`$/.exec(metric) ?? [];
      return {
        event,
        metric: metricName,
        labels: Object.fromEntries([...labels.matchAll(/(\w+)="(\w+)"/g)].map((pair) => [pair[1], pair[2]])),
        line: name.replaceAll('`', ''),
        level: level.replaceAll('`', ''),
        fields: [...fields.matchAll(/`(\w+)`/g)].map((field) => field[1] ?? ''),
      };
    });
}

describe('every event of docs/metrics.md', () => {
  const table = readTable();

  it('is made here, or where this test says', () => {
    expect(table.map(({ event }) => event).sort()).toEqual([...Object.keys(provoke), ...Object.keys(elsewhere)].sort());
    for (const file of Object.values(elsewhere)) expect([file, existsSync(file)]).toEqual([file, true]);
  });

  it.each(table.filter(({ event }) => event in provoke).map((row) => [row.event, row] as const))(
    'has its metric and its line: %s',
    async (event, row) => {
      const at = (watched = new Watched());
      await provoke[event]?.(at);
      const found = (): Line | undefined =>
        at.lines.find(
          (line) =>
            line['event'] === row.line &&
            line.level === row.level &&
            Object.entries(row.labels).every(([name, value]) => !(name in line) || String(line[name]) === value),
        );
      await until(`"${row.line}" is logged and ${row.metric} counts`, async () => {
        return found() !== undefined && (await at.value(row)) > 0;
      });
      const line = found();
      for (const field of row.fields) expect([field, line?.[field]]).not.toEqual([field, undefined]);
      expect(JSON.stringify(at.lines)).not.toContain('eyJ'); // How every JWT begins.
    },
  );
});

describe('a flood', () => {
  it('of faulty frames writes a bounded number of lines, and is counted whole', async () => {
    const at = (watched = new Watched());
    const chat = await at.start({ maxErrorsPerMinute: 0, messagesPerSecond: 0 });
    const client = await chat.enter(freshRoom(), freshUser());
    for (let i = 0; i < 5_000; i += 1) client.sendText('{');
    const last = await client.request({ type: 'no-such-type' });
    expect(last.code).toBe('unknown_type');
    const failed = { event: '', metric: 'rookery_frames_failed_total', labels: {}, line: '', level: '', fields: [] };
    expect(await at.value(failed)).toBe(5_001);
    const written = at.lines.filter((line) => line['event'] === 'frame_failed').length;
    expect(written).toBeGreaterThanOrEqual(2_000);
    expect(written).toBeLessThan(4_000);
  });
});
