import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startTcpProxy } from './tcp-proxy.js';
import type { TcpProxy } from './tcp-proxy.js';
import { until } from './within.js';

describe('the TCP proxy', () => {
  let server: Server;
  let arrived: Socket[];
  let proxy: TcpProxy;

  beforeEach(async () => {
    arrived = [];
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      arrived.push(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await startTcpProxy((server.address() as AddressInfo).port);
  });

  afterEach(async () => {
    await proxy.close();
    for (const socket of arrived) socket.destroy();
    server.close();
  });

  async function open(): Promise<{ client: Socket; far: Socket }> {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const client = connect(proxy.port, '127.0.0.1');
    const [far] = await accepted;
    return { client, far };
  }

  it('resets both ends', async () => {
    const { client, far } = await open();
    const errors = Promise.all([once(client, 'error'), once(far, 'error').catch((error: unknown) => [error])]);
    proxy.reset();
    const [[near]] = (await errors) as [[NodeJS.ErrnoException], unknown[]];
    expect(near.code).toBe('ECONNRESET');
  });

  it('leaves the client half open: the server is gone, and nobody tells', async () => {
    const { client, far } = await open();
    const gone = once(far, 'close').catch(() => undefined);
    proxy.halfOpen();
    await gone;
    client.write('is anybody there?');
    const fresh = await open(); // The network has had its time to tell.
    expect({ destroyed: client.destroyed, ended: client.readableEnded }).toEqual({ destroyed: false, ended: false });
    fresh.client.destroy();
    client.destroy();
  });

  it('swallows what the server says, its end too, while what the client says arrives', async () => {
    const { client, far } = await open();
    let received = '';
    client.on('data', (chunk: Buffer) => (received += chunk.toString()));
    proxy.swallow('from-server');
    far.write('lost');
    client.write('arrives');
    expect(String((await once(far, 'data'))[0])).toBe('arrives');
    far.end();
    await once(far, 'finish');
    const fresh = await open(); // The network has had its time to tell.
    expect({ received, ended: client.readableEnded }).toEqual({ received: '', ended: false });
    const ended = once(client, 'close');
    proxy.mend();
    await ended;
    expect(received).toBe('');
    fresh.client.destroy();
  });

  it('asks for each connection where it goes', async () => {
    const elsewhere = createServer((socket) => void socket.end('elsewhere'));
    elsewhere.listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    let port = (server.address() as AddressInfo).port;
    const moving = await startTcpProxy(() => port);
    const first = connect(moving.port, '127.0.0.1');
    await once(server, 'connection');
    port = (elsewhere.address() as AddressInfo).port;
    const second = connect(moving.port, '127.0.0.1');
    expect(String((await once(second, 'data'))[0])).toBe('elsewhere');
    first.destroy();
    await moving.close();
    elsewhere.close();
  });

  it('is closed, though a server ended that had not read everything', async () => {
    const { client, far } = await open();
    far.pause();
    client.write(Buffer.alloc(30_000_000));
    far.end('bye');
    await once(client, 'data');
    far.resetAndDestroy();
    client.destroy();
    await until('nothing passes any more', () => proxy.open === 0);
    await proxy.close();
  });

  it('slows down what the server sends, and loses none of it', async () => {
    const { client, far } = await open();
    proxy.throttle(1_000_000);
    const startedAt = performance.now();
    const sent = Buffer.alloc(500_000, 'x');
    far.end(sent);
    let received = 0;
    for await (const chunk of client) received += (chunk as Buffer).length;
    expect(received).toBe(sent.length);
    // The first chunk passes at once; Node reads at most 64 KiB at a time.
    expect(performance.now() - startedAt).toBeGreaterThan(300);
  });
});
