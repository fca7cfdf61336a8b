import { describe, expect, it } from '@jest/globals';
import { FakeNetwork, FakeSignals, ManualClock } from './client.double.js';
import { RealtimeClient } from './realtime-client.js';
import type { RealtimeClientOptions } from './realtime-client.js';

function setUp(options: RealtimeClientOptions = {}, url = 'wss://example.test/ws/chat') {
  const clock = new ManualClock();
  const network = new FakeNetwork();
  const signals = new FakeSignals();
  const client = new RealtimeClient(url, {
    clock,
    signals,
    WebSocket: network.WebSocket,
    random: () => 0.5,
    token: () => 'jwt',
    ...options,
  });
  const states: unknown[] = [];
  client.on('state', (state) => states.push(state));
  return { client, clock, network, signals, states };
}

describe('RealtimeClient, its connection', () => {
  it('is idle until it is asked to connect, and tells each state', async () => {
    const { client, network, states } = setUp();
    expect(client.state).toEqual({ status: 'idle' });
    client.connect();
    expect(client.state).toEqual({ status: 'connecting' });
    (await network.socket(1)).welcome();
    expect(states).toEqual([
      { status: 'connecting' },
      { status: 'connected', connection: 'c1', user: { id: 'u1', name: 'alice' } },
    ]);
  });

  it('HS5 offers rookery.v1 and the token as subprotocols, and never puts it into the URL', async () => {
    const { client, network } = setUp({ token: 'header.payload.signature' });
    client.connect();
    const socket = await network.socket(1);
    expect(socket.protocols).toEqual(['rookery.v1', 'bearer.header.payload.signature']);
    expect(socket.url).toBe('wss://example.test/ws/chat');
  });

  it('offers rookery.v1 alone without a token', async () => {
    const { client, network } = setUp({ token: undefined });
    client.connect();
    expect((await network.socket(1)).protocols).toEqual(['rookery.v1']);
  });

  it('takes http for ws, and refuses what is neither', async () => {
    const { client, network } = setUp({}, 'https://example.test/ws/chat#top');
    client.connect();
    expect((await network.socket(1)).url).toBe('wss://example.test/ws/chat');
    expect(() => setUp({}, 'ftp://example.test/ws')).toThrow(/expected a ws, wss, http or https URL, got ftp:/);
    expect(() => setUp({}, '/ws/chat')).toThrow('Invalid URL');
  });

  it('asks for the token afresh for each attempt', async () => {
    let asked = 0;
    const { client, network, clock } = setUp({ token: async () => `token-${++asked}` });
    client.connect();
    (await network.socket(1)).end();
    clock.advance(750);
    expect((await network.socket(2)).protocols[1]).toBe('bearer.token-2');
  });

  it('has one call of the token function in flight at a time', async () => {
    let asked = 0;
    let answer: (token: string) => void = () => undefined;
    const token = () => {
      asked += 1;
      return new Promise<string>((resolve) => {
        answer = resolve;
      });
    };
    const { client, clock, network } = setUp({ token });
    client.connect();
    clock.advance(15_000 + 750);
    expect(client.state.status).toBe('connecting');
    answer('late');
    expect((await network.socket(1)).protocols[1]).toBe('bearer.late');
    expect([asked, network.sockets.length]).toEqual([1, 1]);
  });

  it('takes a token function that throws for a failed attempt like another', async () => {
    const cause = new Error('no network');
    let fails = true;
    const { client, clock, network, states } = setUp({
      token: () => {
        if (fails) throw cause;
        return 'jwt';
      },
    });
    client.connect();
    await new Promise(setImmediate);
    expect(states.at(-1)).toEqual({
      status: 'disconnected',
      code: 1006,
      reason: 'token_failed',
      cause,
      retryAt: clock.now() + 750,
    });
    fails = false;
    clock.advance(750);
    (await network.socket(1)).welcome();
    expect(client.state.status).toBe('connected');
  });

  it('says why it was disconnected and when it comes back', async () => {
    const { client, network, clock } = setUp();
    client.connect();
    (await network.socket(1)).welcome().end(1012, 'service_restart retry=3000');
    expect(client.state).toMatchObject({ code: 1012, reason: 'service_restart', retryAt: clock.now() + 3_000 });
  });

  it('CC1 comes back once after 1008 with a fresh token, then stops and says so', async () => {
    let asked = 0;
    const { client, network, clock, signals } = setUp({ token: () => `token-${++asked}` });
    client.connect();
    (await network.socket(1)).end(1008, 'unauthenticated');
    clock.advance(60_000);
    const second = await network.socket(2);
    expect(second.protocols[1]).toBe('bearer.token-2');
    second.end(1008, 'unauthenticated');
    expect(client.state).toEqual({
      status: 'disconnected',
      code: 1008,
      reason: 'unauthenticated',
      retryAt: undefined,
      cause: undefined,
    });
    signals.wake();
    clock.advance(3_600_000);
    expect(network.sockets).toHaveLength(2);
    expect(signals.isWatched).toBe(false);
  });

  it('CC1 stops at once where the refused token is the only one', async () => {
    const { client, network, clock } = setUp({ token: 'the only one' });
    client.connect();
    (await network.socket(1)).end(1008, 'unauthenticated');
    clock.advance(60_000);
    expect(network.sockets).toHaveLength(1);
  });

  it('connects again after a refusal when it is told to, no sooner than 250 ms after it', async () => {
    const { client, network, clock } = setUp({ token: 'jwt' });
    client.connect();
    (await network.socket(1)).end(4501, 'kicked');
    client.connect();
    clock.advance(249);
    await expect(network.socket(2)).rejects.toThrow('expected socket 2');
    clock.advance(1);
    (await network.socket(2)).welcome();
    expect(client.state.status).toBe('connected');
  });

  it('CC2 begins with the first wait again after 5 s of being connected, not before', async () => {
    const { client, network, clock } = setUp({ random: () => 1 });
    const retryIn = () => (client.state.status === 'disconnected' ? (client.state.retryAt ?? NaN) - clock.now() : NaN);
    client.connect();
    const waits: number[] = [];
    for (const [index, connectedMs] of [0, 4_999, 5_000].entries()) {
      const socket = (await network.socket(index + 1)).welcome();
      clock.advance(connectedMs);
      socket.end();
      waits.push(retryIn());
      clock.advance(retryIn());
    }
    expect(waits).toEqual([1_250, 2_250, 1_250]);
  });

  it('CC2 comes back at once when the device wakes, no sooner than 250 ms after the end', async () => {
    const { client, network, clock, signals } = setUp({ random: () => 1 });
    client.connect();
    (await network.socket(1)).end();
    clock.advance(100);
    signals.wake();
    clock.advance(149);
    await expect(network.socket(2)).rejects.toThrow('expected socket 2');
    clock.advance(1);
    await network.socket(2);
  });

  it('CC1 keeps to the advised wait whatever wakes it', async () => {
    const { client, network, clock, signals } = setUp();
    client.connect();
    (await network.socket(1)).end(1013, 'overloaded retry=5000');
    signals.wake();
    clock.advance(4_999);
    await expect(network.socket(2)).rejects.toThrow('expected socket 2');
    clock.advance(1);
    await network.socket(2);
  });

  it('does not try in vain while the device is offline, and comes back when it is not', async () => {
    const { client, network, clock, signals } = setUp();
    client.connect();
    const first = (await network.socket(1)).welcome();
    signals.offline = true;
    first.end();
    clock.advance(10_000);
    signals.wake();
    await expect(network.socket(2)).rejects.toThrow('expected socket 2');
    signals.offline = false;
    signals.wake();
    await network.socket(2);
  });

  it('CN1 answers a ping with a pong', async () => {
    const { client, network } = setUp();
    client.connect();
    const socket = (await network.socket(1)).welcome().receive({ type: 'ping' });
    expect(socket.sent).toEqual([{ type: 'pong' }]);
  });

  it('CN1 gives up a connection that is silent for two intervals; anything received counts as life', async () => {
    const { client, network, clock } = setUp();
    client.connect();
    const socket = (await network.socket(1)).welcome({ heartbeatMs: 10_000 });
    clock.advance(19_999);
    socket.receive({ type: 'anything' });
    clock.advance(19_999);
    expect(client.state.status).toBe('connected');
    clock.advance(1);
    expect(client.state).toMatchObject({ status: 'disconnected', code: 4000, reason: 'heartbeat_timeout' });
    expect(socket.closedWith).toEqual({ code: 4000, reason: 'heartbeat_timeout' });
  });

  it('FR1 has no watchdog where the server has no heartbeat', async () => {
    const { client, network, clock, signals } = setUp();
    client.connect();
    (await network.socket(1)).welcome({ heartbeatMs: 0 });
    signals.wake();
    clock.advance(3_600_000);
    expect(client.state.status).toBe('connected');
  });

  it('asks a connection for a sign of life when the device wakes', async () => {
    const { client, network, clock, signals } = setUp();
    client.connect();
    const socket = (await network.socket(1)).welcome();
    signals.wake();
    expect(socket.sent).toEqual([{ type: 'ping' }]);
    socket.receive({ type: 'pong' });
    clock.advance(5_000);
    expect(client.state.status).toBe('connected');
    signals.wake();
    clock.advance(5_000);
    expect(client.state).toMatchObject({ status: 'disconnected', code: 4000 });
  });

  it('gives up an attempt that brings no welcome', async () => {
    const { client, network, clock } = setUp({ connectTimeoutMs: 2_000 });
    client.connect();
    const socket = await network.socket(1);
    clock.advance(2_000);
    expect(client.state).toMatchObject({ status: 'disconnected', code: 1006, reason: 'connect_timeout' });
    expect(socket.closedWith).toEqual({ code: undefined, reason: undefined });
  });

  it('ignores what a given-up connection still says', async () => {
    const { client, network, clock } = setUp();
    client.connect();
    const socket = (await network.socket(1)).welcome();
    clock.advance(50_000);
    const { state } = client;
    socket.welcome().end(4501, 'kicked');
    expect(client.state).toBe(state);
  });

  it('takes a handshake that failed without a code for 1006', async () => {
    const { client, network } = setUp();
    client.connect();
    (await network.socket(1)).end(0);
    expect(client.state).toMatchObject({ code: 1006, reason: '' });
  });

  it('takes a WebSocket class that throws for a failed attempt', async () => {
    const cause = new SyntaxError('bad subprotocol');
    const Throwing = class {
      constructor() {
        throw cause;
      }
    };
    const { client } = setUp({ WebSocket: Throwing as unknown as RealtimeClientOptions['WebSocket'] });
    client.connect();
    await new Promise(setImmediate);
    expect(client.state).toMatchObject({ code: 1006, reason: 'connect_failed', cause });
  });

  it('closes with 1000 and stays away until it is told to come back', async () => {
    const { client, network, clock, signals } = setUp();
    client.connect();
    const socket = (await network.socket(1)).welcome();
    client.close();
    expect(socket.closedWith?.code).toBe(1000);
    expect(client.state).toEqual({ status: 'disconnected', code: 1000, reason: '' });
    signals.wake();
    clock.advance(3_600_000);
    expect(network.sockets).toHaveLength(1);
    client.connect();
    (await network.socket(2)).welcome();
  });

  it('closes an attempt that is under way, and one that is waited for', async () => {
    const { client, network, clock } = setUp();
    client.connect();
    client.close();
    await expect(network.socket(1)).rejects.toThrow('expected socket 1');
    clock.advance(250);
    client.connect();
    (await network.socket(1)).end();
    client.close();
    clock.advance(60_000);
    expect(network.sockets).toHaveLength(1);
  });

  it('keeps saying why it was refused when it is closed after that', async () => {
    const { client, network } = setUp();
    client.connect();
    (await network.socket(1)).end(4502, 'replaced');
    client.close();
    expect(client.state).toMatchObject({ code: 4502, reason: 'replaced' });
  });

  it('ignores messages that are no frames', async () => {
    const { client, network } = setUp();
    client.connect();
    const socket = (await network.socket(1)).welcome();
    for (const text of ['', 'Echo: x', 'null', '[]', '{}', '{"type":7}']) socket.receiveText(text);
    expect(client.state.status).toBe('connected');
  });

  it('tells an error that belongs to no room', async () => {
    const { client, network } = setUp();
    const errors: string[] = [];
    client.on('error', ({ code }) => errors.push(code));
    client.connect();
    (await network.socket(1)).welcome().receive({ type: 'error', code: 'bad_frame', message: 'expected JSON' });
    expect(errors).toEqual(['bad_frame']);
  });

  it('bears being told to connect by whoever hears that it is not connected', async () => {
    const { client, clock, network, states } = setUp();
    client.on('state', ({ status }) => status === 'disconnected' && client.connect());
    client.connect();
    (await network.socket(1)).end();
    expect(states).toHaveLength(3); // connecting, disconnected, and once more with the shorter wait.
    clock.advance(250);
    await network.socket(2);
  });

  it('CC2 waits no longer because the clock was put back', async () => {
    const { client, clock, network, signals } = setUp();
    client.connect();
    (await network.socket(1)).end();
    clock.sleep(-3_600_000);
    signals.wake();
    clock.advance(250);
    await network.socket(2);
  });

  it('CC1 stays away for as long as it was advised, also when it was closed and is told to connect', async () => {
    const { client, clock, network } = setUp();
    client.connect();
    (await network.socket(1)).welcome().end(1013, 'overloaded retry=60000');
    client.close();
    client.connect();
    clock.advance(59_999);
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    expect(network.sockets).toHaveLength(1);
    clock.advance(1);
    await network.socket(2);
  });

  it('comes back with the token of who is there now, not with one that was asked for before it was closed', async () => {
    const answers: ((token: string) => void)[] = [];
    const { client, clock, network } = setUp({ token: () => new Promise((resolve) => answers.push(resolve)) });
    client.connect();
    client.close();
    clock.advance(250);
    client.connect();
    answers[0]?.('token-of-a');
    answers[1]?.('token-of-b');
    expect((await network.socket(1)).protocols).toEqual(['rookery.v1', 'bearer.token-of-b']);
  });
});
