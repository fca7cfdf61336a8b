import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { WebSocketServer } from 'ws';
import { RefusalWriter } from './refusal-writer.js';
import type { Refusal } from './refusal.js';

afterEach(() => {
  jest.useRealTimers();
});

describe('RefusalWriter', () => {
  it('waits no longer for who does not answer the close frame, once the server ends', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] }); // The time for an answer stands still.
    const server = createServer();
    const writer = new RefusalWriter(new WebSocketServer({ noServer: true }), 'close');
    const refusal = { close: { code: 1008, reason: 'unauthenticated' } } as Refusal;
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      writer.write(request, socket, head, refusal),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const peer = connect((server.address() as AddressInfo).port, '127.0.0.1');
    peer.on('error', () => undefined);
    peer.write(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    let got = '';
    while (!got.includes('unauthenticated')) got += ((await once(peer, 'data')) as [Buffer])[0].toString('latin1');
    const ended = once(server, 'close');
    server.close();
    writer.end();
    await ended;
    expect(got).toMatch(/^HTTP\/1\.1 101 /);
    peer.destroy();
  });
});
