import { afterEach, describe, expect, it } from '@jest/globals';
import { RealtimeDrain, RealtimeEvents, RealtimeHealth } from '../../src/index.js';
import type { RealtimeOptions } from '../../src/index.js';
import { parseCloseReason } from '../../src/protocol/index.js';
import { MemoryPresence } from '../../src/realtime/presence/memory-presence.js';
import { MemoryPresenceStore } from '../../src/realtime/presence/memory-presence-store.js';
import { ManualClock, TestClient } from '../../src/testing/index.js';
import { advanceUntil } from '../support/advance.js';
import { memoryBroker, memoryStore } from '../support/brokers.js';
import { freshRoom, freshUser, heard, named, range, say } from '../support/chat.js';
import { startChat, startChatWithClock } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { until, within } from '../support/within.js';

const RESTART = { code: 1012, reason: expect.stringMatching(/^service_restart retry=\d+$/) };

describe('draining', () => {
  let chats: ChatServer[] = [];

  afterEach(async () => {
    await Promise.all(chats.splice(0).map((chat) => chat.close()));
    chats = [];
  });

  async function start(options: RealtimeOptions = {}): Promise<{ chat: ChatServer; clock: ManualClock }> {
    const started = await startChatWithClock({ heartbeatMs: 0, ...options });
    chats.push(started.chat);
    return started;
  }

  const drain = (chat: ChatServer): Promise<void> => chat.server.app.get(RealtimeDrain).drain();

  /** What Nest does when a signal comes. */
  const closeBySignal = ({ server }: ChatServer): Promise<void> =>
    (server.app as unknown as { close(signal: string): Promise<void> }).close('SIGTERM');

  it('CN4 is not ready from the first moment, and those who are in go on for drainDelayMs', async () => {
    const { chat, clock } = await start();
    const health = chat.server.app.get(RealtimeHealth);
    const [room, alice] = [freshRoom(), freshUser('alice')];
    const client = await chat.enter(room, alice);
    expect((await health.check()).status).toBe('ok');
    const drained = drain(chat);
    expect(await health.check()).toEqual({ status: 'draining', broker: true });
    clock.advance(4_999);
    await say(client, 'still here');
    expect((await client.request({ type: 'join', room: freshRoom() })).type).toBe('joined');
    clock.advance(1);
    expect(await client.closed()).toEqual(RESTART);
    await within('the drain', drained);
  });

  it.each([
    ['a plain client', {}],
    ['a browser', { origin: 'http://localhost' }],
    ['rookery.v1', { protocols: ['rookery.v1'] }],
  ])('CN4 answers new handshakes with 503 and Retry-After, plain HTTP for everybody: %s', async (_title, options) => {
    const { chat } = await start();
    void drain(chat);
    const token = chat.token(freshUser());
    const refusal = await TestClient.refusal(`${chat.url}/ws/chat/x`, { token, ...options });
    expect(refusal.status).toBe(503);
    expect(Number(refusal.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(refusal.body)).toMatchObject({ code: 'service_restart' });
  });

  it('CN4 closes one after the other, evenly over drainMs, each with an advice of its own', async () => {
    const { chat, clock } = await start({ drainDelayMs: 1_000, drainMs: 10_000 });
    const room = freshRoom();
    const closedAt: number[] = [];
    const clients: TestClient[] = [];
    for (const n of range(1, 10)) {
      const client = await chat.enter(room, freshUser(`user${n}`));
      void client.closed(20_000).then(() => closedAt.push(clock.now()));
      clients.push(client);
    }
    const startedAt = clock.now();
    await advanceUntil(clock, 'the drain', drain(chat), { withinMs: 11_500, stepMs: 100 });
    const closes = await Promise.all(clients.map((client) => client.closed()));
    for (const close of closes) expect(close).toEqual(RESTART);
    // The wire takes a moment of the clock that the test moves: a slot is not exact to the step.
    closedAt.forEach((at, i) => expect((at - startedAt - 1_000) / 1_000).toBeGreaterThanOrEqual(i - 0.01));
    closedAt.forEach((at, i) => expect((at - startedAt - 1_000) / 1_000).toBeLessThan(i + 1));
    const advices = closes.map(({ reason }) => parseCloseReason(reason).retryMs ?? -1);
    expect(new Set(advices).size).toBeGreaterThan(1);
    for (const advice of advices) expect(advice).toBeLessThanOrEqual(1_000);
  });

  it('CN4 closes them as evenly when the clock is set meanwhile', async () => {
    const { chat, clock } = await start({ drainDelayMs: 1_000, drainMs: 10_000 });
    const closedAt: number[] = [];
    const jumps = new Map([
      [1, 3_600_000],
      [5, -7_200_000],
    ]);
    for (const n of range(1, 10)) {
      const client = await chat.enter(freshRoom(), freshUser(`user${n}`), { expiresInMs: 86_400_000 });
      void client.closed(20_000).then(() => {
        closedAt.push(clock.elapsed());
        clock.jump(jumps.get(closedAt.length) ?? 0);
      });
    }
    const startedAt = clock.elapsed();
    await advanceUntil(clock, 'the drain', drain(chat), { withinMs: 11_500, stepMs: 100 });
    await until('all are closed', () => closedAt.length === 10);
    closedAt.forEach((at, i) => expect((at - startedAt - 1_000) / 1_000).toBeGreaterThanOrEqual(i - 0.01));
    closedAt.forEach((at, i) => expect((at - startedAt - 1_000) / 1_000).toBeLessThan(i + 1));
  });

  it('CN4 spreads by its advices those who are closed all at once', async () => {
    const { chat } = await start({ drainDelayMs: 0, drainMs: 0 });
    const clients = await Promise.all(range(1, 40).map(() => chat.enter(freshRoom(), freshUser())));
    await drain(chat);
    const closes = await Promise.all(clients.map((client) => client.closed()));
    const advices = closes.map(({ reason }) => parseCloseReason(reason).retryMs ?? -1);
    const tenths = new Set(advices.map((advice) => Math.floor(advice / 100)));
    expect(tenths.size).toBeGreaterThanOrEqual(5);
  });

  it('CN4 acknowledges what is being published before the close frame, and reads nothing after it began to close', async () => {
    const { chat, clock } = await start({ drainDelayMs: 0, drainMs: 0 });
    const room = freshRoom();
    const client = await chat.enter(room, freshUser());
    chat.probe.hold('message:first');
    client.send({ type: 'message', text: 'first', id: 'first' });
    client.send({ type: 'message', text: 'second', id: 'second' });
    await chat.probe.made('message:first');
    const drained = drain(chat);
    await until('the connection is not read any more', () =>
      chat.registry.members(`chat/${room}`).every(({ paused }) => paused),
    );
    client.send({ type: 'message', text: 'late', id: 'late' });
    clock.advance(2_900);
    expect(client.isOpen).toBe(true);
    chat.probe.release('message:first');
    await within('the drain', drained);
    expect(await client.closed()).toEqual(RESTART);
    expect(client.received.filter(({ type }) => type === 'ack').map(({ id }) => id)).toEqual(['first', 'second']);
    expect(chat.probe.calls).not.toContain('message:late');
  });

  it('CN4 closes all the same where a handler does not end', async () => {
    const { chat, clock } = await start({ drainDelayMs: 0, drainMs: 0 });
    const [stuck, other] = [await chat.enter(freshRoom(), freshUser()), await chat.enter(freshRoom(), freshUser())];
    chat.probe.hold('message:stuck');
    stuck.send({ type: 'message', text: 'stuck' });
    await chat.probe.made('message:stuck');
    const drained = drain(chat);
    expect(await other.closed()).toEqual(RESTART);
    expect(stuck.isOpen).toBe(true);
    clock.advance(3_000);
    expect(await stuck.closed()).toEqual(RESTART);
    await within('the drain', drained);
    chat.probe.release('message:stuck');
  });

  it('CN4 ends right after the delay where nobody is connected, or everybody has gone', async () => {
    const { chat, clock } = await start();
    const client = await chat.enter(freshRoom(), freshUser());
    const told: unknown[] = [];
    chat.server.app.get(RealtimeEvents).on('drainEnded', (event) => told.push(event));
    const drained = drain(chat);
    await client.close();
    await until('the connection is gone', () => chat.registry.connections().length === 0);
    clock.advance(5_000);
    await within('the drain', drained);
    expect(told).toEqual([{ closed: 0, durationMs: 5_000 }]);
  });

  it('CN4 awaits the hooks of those it closed before the application ends', async () => {
    const { chat } = await start({ drainDelayMs: 0, drainMs: 0 });
    const [room, alice] = [freshRoom(), freshUser('alice')];
    const client = await chat.enter(room, alice);
    const hook = `onLeave:${alice} ${room} closed`;
    chat.probe.hold(hook);
    let ended = false;
    const closing = closeBySignal(chat).then(() => (ended = true));
    expect(await client.closed()).toEqual(RESTART);
    await chat.probe.made(hook);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(false);
    chat.probe.release(hook);
    await within('the end', closing);
  });

  it('CN4 is for a signal: app.close() without one closes at once with 1001', async () => {
    const { chat } = await start();
    const client = await chat.enter(freshRoom(), freshUser());
    void chat.server.close();
    expect(await client.closed()).toEqual({ code: 1001, reason: 'going_away' });
  });

  it('CN4, CN3 announces nobody as left who comes back elsewhere within the advice and the grace', async () => {
    const clock = new ManualClock();
    const store = memoryStore({ clock });
    const presence = new MemoryPresenceStore(clock);
    const pods: ChatServer[] = [];
    for (let i = 0; i < 2; i += 1) {
      const shared = { broker: memoryBroker({ store, clock }), presence: new MemoryPresence({ store: presence }) };
      pods.push(await startChat({ ...shared, clock, heartbeatMs: 0, drainDelayMs: 0, drainMs: 0 }));
    }
    chats.push(...pods);
    const [draining, staying] = pods as [ChatServer, ChatServer];
    const [room, aliceId, bobId] = [freshRoom(), freshUser('alice'), freshUser('bob')];
    const watcher = await staying.enter(room, freshUser('watcher'));
    const alice = await draining.enter(room, aliceId);
    const bob = await draining.enter(room, bobId);
    await closeBySignal(draining);
    const advisedMs = Math.max(
      ...(await Promise.all([alice, bob].map((client) => client.closed()))).map(
        ({ reason }) => parseCloseReason(reason).retryMs ?? 0,
      ),
    );
    clock.advance(advisedMs + 1_999);
    const back = await staying.visit(room, aliceId);
    expect(back.joined.members).toBe(3);
    clock.advance(10_000);
    await watcher.next(
      named(
        'left of bob',
        ({ type, ...rest }) => type === 'system' && rest['userId'] === bobId && rest['event'] === 'left',
      ),
    );
    await say(watcher, 'marker');
    await heard(watcher, 'marker');
    const about = watcher.received.filter((frame) => frame.type === 'system' && frame['userId'] === aliceId);
    expect(about.map((frame) => frame['event'])).toEqual(['joined']);
  });
});
