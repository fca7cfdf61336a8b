import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeNetwork, FakeSignals, ManualClock } from '../client.double.js';
import type { FakeSocket } from '../client.double.js';
import type { RealtimeClient } from '../realtime-client.js';
import type { ClientRoom } from '../room.js';
import { Tab as SharingTab } from './tab.js';
import { createTabsClient, tabsClient } from './tabs-client.js';
import type { TabsClientOptions } from './tabs-client.js';
import { FakeBrowser } from './tabs.double.js';
import type { FakePage } from './tabs.double.js';

const URL = 'ws://127.0.0.1/ws/chat';

interface Tab {
  readonly page: FakePage;
  readonly client: RealtimeClient;
  readonly room: ClientRoom;
  readonly seen: unknown[];
}

let clock: ManualClock;
let network: FakeNetwork;
let browser: FakeBrowser;

beforeEach(() => {
  clock = new ManualClock();
  network = new FakeNetwork();
  browser = new FakeBrowser();
});

/** Lets everything happen that waits for nothing but its turn. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 60; turn += 1) await Promise.resolve();
}

async function advance(byMs: number): Promise<void> {
  await settle();
  for (let passed = 0; passed < byMs; passed += 250) {
    clock.advance(Math.min(250, byMs - passed));
    await settle();
  }
}

async function open(name: string, options: Partial<TabsClientOptions> = {}): Promise<Tab> {
  const page = browser.page();
  const client = tabsClient(
    URL,
    {
      user: 'u1',
      token: () => `jwt-of-${name}`,
      clock,
      signals: new FakeSignals(),
      WebSocket: network.WebSocket,
      random: () => 0,
      ...options,
    },
    page,
  );
  const room = client.room('general');
  const seen: unknown[] = [];
  room.on('message', ({ offset }) => seen.push(offset));
  await settle();
  return { page, client, room, seen };
}

const socket = (nth: number) => network.socket(nth);
const say = (offset: number) => ({ type: 'message', room: 'general', offset, timestamp: '' });

/** Answers the last join. */
async function join(real: FakeSocket, cursor: string, fields = {}): Promise<void> {
  await settle();
  real.joined('general', cursor, fields);
  await settle();
}

/** Two tabs in the room, the first one with the connection. */
async function openTwo(): Promise<{ hub: Tab; other: Tab; real: FakeSocket }> {
  const hub = await open('hub');
  const real = (await socket(1)).welcome();
  await join(real, 'e.0');
  const other = await open('other');
  await join(real, 'e.0');
  return { hub, other, real };
}

const status = ({ client }: Tab) => client.state.status;

describe('tabs of one origin', () => {
  it('have one connection, and every frame of the room reaches each of them', async () => {
    const { hub, other, real } = await openTwo();
    real.receive(say(1));
    await settle();
    expect(network.sockets).toHaveLength(1);
    expect([hub.seen, other.seen]).toEqual([[1], [1]]);
    expect([status(hub), status(other)]).toEqual(['connected', 'connected']);
  });

  it('send no token over their channel, not to connect and not to refresh', async () => {
    const sockets = [1, 2].map(() => {
      const options = { name: 'n', user: 'u1', clock, WebSocket: network.WebSocket, onHub: () => undefined };
      const tab = new SharingTab({ ...options, platform: browser.page() });
      return new tab.WebSocket(URL, ['rookery.v1', 'bearer.jwt']);
    });
    const real = (await socket(1)).welcome();
    await settle();
    for (const from of sockets) from.send('{"type":"auth","id":"a1","token":"jwt"}');
    for (const from of sockets) from.send('{"type":"message","id":"m1","room":"general","text":"\\"auth\\""}');
    await settle();
    expect(real.sentOf('auth')).toHaveLength(1);
    expect(real.sentOf('message')).toHaveLength(1); // The second one's turn comes with the answer.
    expect(browser.posted.length).toBeGreaterThan(3);
    expect(JSON.stringify(browser.posted)).not.toContain('jwt');
  });

  it('wait for a connection together: one makes the attempts, with its own waits', async () => {
    const [hub, other] = [await open('hub'), await open('other')];
    (await socket(1)).end(1006);
    await settle();
    expect([status(hub), status(other)]).toEqual(['disconnected', 'connecting']);
    await advance(250);
    (await socket(2)).end(1013, 'overloaded retry=2000');
    await advance(1_999);
    expect(network.sockets).toHaveLength(2);
    await advance(251);
    (await socket(3)).welcome();
    await settle();
    expect([status(hub), status(other)]).toEqual(['connected', 'connected']);
    expect(network.sockets.map(({ protocols }) => protocols.at(-1))).toEqual(Array(3).fill('bearer.jwt-of-hub'));
  });

  it('that gave up waiting for a moment come at once when there is a connection', async () => {
    const [, other] = [await open('hub'), await open('other', { connectTimeoutMs: 1_000, random: () => 1 })];
    await advance(1_000);
    expect(other.client.state).toMatchObject({ status: 'disconnected', reason: 'connect_timeout' });
    await advance(250);
    expect(status(other)).toBe('disconnected');
    (await socket(1)).welcome();
    await settle();
    expect(status(other)).toBe('connected');
  });

  it('all hear how the connection ended, and one makes the next', async () => {
    const { hub, other, real } = await openTwo();
    real.receive(say(1));
    real.end(1012, 'service_restart');
    await settle();
    for (const tab of [hub, other]) expect(tab.client.state).toMatchObject({ code: 1012, reason: 'service_restart' });
    await advance(250);
    expect(network.sockets).toHaveLength(2);
    const next = (await socket(2)).welcome();
    await settle();
    expect(next.sentOf('join').map(({ since }) => since)).toEqual(['e.1', undefined]);
  });

  it.each([
    [4501, 'kicked'],
    [1008, 'origin'],
  ])('refused for good with %i, all stop, whether connected or waiting', async (code, reason) => {
    const { hub, other, real } = await openTwo();
    real.end(code, reason);
    await advance(60_000);
    const over = { status: 'disconnected', code, reason };
    expect([hub.client.state, other.client.state]).toEqual([over, over]);
    hub.client.connect();
    other.client.connect();
    await settle();
    expect(network.sockets).toHaveLength(2);
    (await socket(2)).end(code, reason);
    await advance(60_000);
    expect([hub.client.state, other.client.state]).toEqual([over, over]);
    expect(network.sockets).toHaveLength(2);
    expect(browser.heldLocks).toEqual([]);
  });
});

describe('the tab with the connection', () => {
  it('gone, another makes one with its own token, and each goes on from its own cursor', async () => {
    const { hub, other, real } = await openTwo();
    real.receive(say(1));
    await settle();
    hub.page.crash();
    await settle();
    expect(other.client.state).toMatchObject({ status: 'disconnected', code: 1006 });
    await advance(250);
    const next = (await socket(2)).welcome();
    expect(next.protocols.at(-1)).toBe('bearer.jwt-of-other');
    await settle();
    expect(next.sentOf('join')).toMatchObject([{ room: 'general', since: 'e.1' }]);
  });

  it('gone while others still wait to connect, one of them takes its place at once', async () => {
    const hub = await open('hub');
    const other = await open('other');
    hub.page.crash();
    await settle();
    expect((await socket(2)).protocols.at(-1)).toBe('bearer.jwt-of-other');
    expect(status(other)).toBe('connecting');
  });

  it('closed by its own client keeps the connection for the others, and the last one to close ends it', async () => {
    const { hub, other, real } = await openTwo();
    hub.client.close();
    await settle();
    real.receive(say(1));
    await settle();
    expect(other.seen).toEqual([1]);
    expect(status(other)).toBe('connected');
    hub.client.connect();
    await advance(250);
    expect(status(hub)).toBe('connected');
    expect(network.sockets).toHaveLength(1);
    hub.client.close();
    other.client.close();
    await settle();
    expect(real.closedWith).toEqual({ code: 1000, reason: undefined });
    expect(browser.heldLocks).toEqual([]);
  });

  it('closed by its own client hands over when the connection ends', async () => {
    const { hub, other, real } = await openTwo();
    hub.client.close();
    await settle();
    real.end(1006);
    await advance(250);
    expect((await socket(2)).protocols.at(-1)).toBe('bearer.jwt-of-other');
    expect(status(other)).toBe('connecting');
  });

  it('put to sleep hands over, without saying that the user left, and comes back to the others', async () => {
    const { hub, other, real } = await openTwo();
    hub.page.sleep();
    await settle();
    expect(real.closedWith).toEqual({ code: undefined, reason: undefined });
    await advance(250);
    const next = (await socket(2)).welcome();
    await join(next, 'e.0', { recovered: true });
    expect(status(other)).toBe('connected');
    await advance(1_000);
    expect(status(hub)).toBe('connecting');
    hub.page.wake();
    await settle();
    expect(status(hub)).toBe('connected');
    expect(network.sockets).toHaveLength(2);
  });

  it('that does not answer loses its place, and does nothing more of what it was told before', async () => {
    const { hub, other, real } = await openTwo();
    hub.page.suspend();
    const sent = other.room.send('message', { text: 'once' });
    await settle();
    other.client.close(); // The page is loaded anew, say.
    await expect(sent).rejects.toMatchObject({ code: 'outcome_unknown' });
    const third = await open('third');
    await advance(2_750);
    expect(network.sockets).toHaveLength(1);
    await advance(250);
    const next = (await socket(2)).welcome();
    await settle();
    expect(status(third)).toBe('connected');
    hub.page.resume();
    await settle();
    expect(real.closedWith).toBeDefined();
    expect(real.sentOf('message')).toEqual([]);
    await advance(500);
    expect(status(hub)).toBe('connected');
    expect(next.closedWith).toBeUndefined();
    expect(network.sockets).toHaveLength(2);
  });

  it('of before is not heard any more, whatever it still says', async () => {
    const { other } = await openTwo();
    const attach = browser.posted.find((message) => (message as { kind: string }).kind === 'attach');
    const { socket: id } = attach as { socket: string };
    const name = `rookery tabs 1 ${URL} u1`;
    browser.say(name, { kind: 'frame', hub: 'of before', to: [id], text: JSON.stringify(say(1)) });
    browser.say(name, { kind: 'end', hub: 'of before', to: [id], code: 4501, reason: 'kicked' });
    await settle();
    expect(status(other)).toBe('connected');
    expect(other.seen).toEqual([]);
  });

  it('has its time to answer again, where the tab that asks slept itself', async () => {
    const hub = await open('hub');
    hub.page.suspend();
    let sleptMs = 0;
    const late = { now: () => clock.now() + sleptMs, after: clock.after.bind(clock) };
    await open('other', { clock: late });
    sleptMs = 10_000;
    await advance(3_000);
    expect(network.sockets).toHaveLength(1);
    await advance(3_000);
    expect(network.sockets).toHaveLength(2);
  });

  it('makes the next connection where a tab got no sign of life', async () => {
    const { hub, other, real } = await openTwo();
    await advance(50_000);
    expect(real.closedWith).toMatchObject({ code: 4000 });
    await advance(250);
    (await socket(2)).welcome();
    await settle();
    expect([status(hub), status(other)]).toEqual(['connected', 'connected']);
    expect(network.sockets).toHaveLength(2);
  });
});

describe('a tab', () => {
  it('gone without a word leaves its rooms', async () => {
    const { other, real } = await openTwo();
    void other.client.room('mine');
    await settle();
    real.joined('mine', 'e.0');
    other.page.crash();
    await settle();
    expect(real.sentOf('leave')).toMatchObject([{ room: 'mine' }]);
  });

  it('of another user has a connection of its own', async () => {
    await openTwo();
    await open('stranger', { user: 'u2' });
    expect((await socket(2)).protocols.at(-1)).toBe('bearer.jwt-of-stranger');
  });

  describe('whose token is not that of the user it names', () => {
    let warn: ReturnType<typeof jest.spyOn>;
    beforeEach(() => {
      warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    });
    afterEach(() => warn.mockRestore());

    it('says so, shares no more, and shows nobody what came over that connection', async () => {
      const [stranger, other] = [await open('stranger'), await open('other')];
      const real = (await socket(1)).welcome({ user: { id: 'u2', name: 'bob' } });
      await settle();
      expect(real.closedWith).toBeDefined();
      expect(status(stranger)).toBe('disconnected');
      expect((await socket(2)).protocols.at(-1)).toBe('bearer.jwt-of-other');
      await advance(250);
      const own = (await socket(3)).welcome({ user: { id: 'u2', name: 'bob' } });
      await settle();
      expect(own.protocols.at(-1)).toBe('bearer.jwt-of-stranger');
      expect(stranger.client.state).toMatchObject({ status: 'connected', user: { id: 'u2' } });
      expect(status(other)).toBe('connecting');
      expect(warn).toHaveBeenCalledTimes(1);
    });
  });

  it('has a connection of its own where the page may not use locks', async () => {
    const page = browser.page();
    page.locks.request = () => Promise.reject(new Error('SecurityError'));
    const client = tabsClient(
      URL,
      { user: 'u1', clock, signals: new FakeSignals(), WebSocket: network.WebSocket, random: () => 0 },
      page,
    );
    client.connect();
    await settle();
    await advance(250);
    (await socket(1)).welcome();
    await settle();
    expect(client.state.status).toBe('connected');
  });

  it('has a connection of its own in Node', async () => {
    const client = createTabsClient(URL, { user: 'u1', clock, WebSocket: network.WebSocket });
    client.connect();
    (await socket(1)).welcome();
    expect(client.state.status).toBe('connected');
    client.close();
  });

  it('must say whose it is', () => {
    expect(() => createTabsClient(URL, { user: '' })).toThrow(TypeError);
    expect(() => createTabsClient(URL, {} as TabsClientOptions)).toThrow('expected the id of the user, got undefined');
  });
});
