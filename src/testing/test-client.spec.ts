import { afterEach, describe, expect, it } from '@jest/globals';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { HandshakeRefusedError } from './refusal.js';
import { TestClient } from './test-client.js';

describe('TestClient', () => {
  let wss: WebSocketServer | undefined;
  const clients: TestClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await new Promise<void>((resolve) => (wss ? wss.close(() => resolve()) : resolve()));
    wss = undefined;
  });

  /** A server that does what the test says with each connection. */
  async function connect(serve: (socket: WebSocket) => void, timeoutMs = 200): Promise<TestClient> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    wss = server;
    server.on('connection', serve);
    await new Promise((resolve) => server.once('listening', resolve));
    const client = await TestClient.connect(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { timeoutMs });
    clients.push(client);
    return client;
  }

  const sends =
    (...frames: object[]) =>
    (socket: WebSocket): void => {
      for (const frame of frames) socket.send(JSON.stringify(frame));
    };

  it('takes the first frame of a type and leaves those before it', async () => {
    const client = await connect(sends({ type: 'a' }, { type: 'b', n: 1 }, { type: 'ping' }, { type: 'b', n: 2 }));
    expect(await client.next('b')).toEqual({ type: 'b', n: 1 });
    expect(await client.nextFrame()).toEqual({ type: 'a' });
    expect(await client.nextFrame()).toEqual({ type: 'b', n: 2 });
    expect(client.received.map(({ type }) => type)).toEqual(['a', 'b', 'ping', 'b']);
  });

  it('gives the bytes of a frame, and texts that are none', async () => {
    const client = await connect((socket) => {
      socket.send('{ "type" : "a" }');
      socket.send('Echo: hi');
    });
    expect(client.textOf(await client.next('a'))).toBe('{ "type" : "a" }');
    expect(await client.nextText()).toBe('Echo: hi');
  });

  it('says what it waited for and what came, when the time is over', async () => {
    const client = await connect(sends({ type: 'a', text: 'something else' }), 50);
    await expect(client.next('b')).rejects.toThrow(/waited 50 ms for a frame of type "b".*open[^]*something else/);
  });

  it('says at once that nothing will come any more, and why', async () => {
    const client = await connect((socket) => socket.close(4500, 'bad_room'), 5_000);
    await expect(client.next('joined')).rejects.toThrow(/"joined"|a frame.*4500 "bad_room"/);
    expect(await client.closed()).toEqual({ code: 4500, reason: 'bad_room' });
    await expect(client.next('joined')).rejects.toThrow('closed with 4500 "bad_room"');
  });

  it('takes the answer to a request, not an application frame with the same id', async () => {
    const client = await connect((socket) => {
      socket.on('message', (data: Buffer) => {
        const { id } = JSON.parse(data.toString()) as { id: string };
        sends({ type: 'message', id }, { type: 'ack', id, offset: 1 })(socket);
      });
    });
    expect(await client.request({ type: 'message', id: 'x' })).toEqual({ type: 'ack', id: 'x', offset: 1 });
  });

  it('expects none until the marker, and quotes what came all the same', async () => {
    const client = await connect(sends({ type: 'a' }, { type: 'marker' }));
    await client.expectNone('b', () => client.next('marker'));
    await expect(client.expectNone('a', () => Promise.resolve())).rejects.toThrow('{"type":"a"}');
  });

  it('tells a refusal by HTTP status from a connection', async () => {
    const server = new WebSocketServer({
      port: 0,
      host: '127.0.0.1',
      verifyClient: (_info, done) => done(false, 418, 'no'),
    });
    wss = server;
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await TestClient.refusal(url)).toMatchObject({ status: 418, body: 'no' });
    await expect(TestClient.connect(url)).rejects.toThrow(HandshakeRefusedError);
  });
});
