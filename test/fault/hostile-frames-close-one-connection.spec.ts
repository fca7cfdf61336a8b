import { connect } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { TestClient } from '../../src/testing/index.js';
import { RawWebSocket, clientFrame } from '../support/raw-websocket.js';
import { ServerProcess } from '../support/server-process.js';
import { freshRoom } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { until, within } from '../support/within.js';

/** A frame's first two bytes as they are, and what follows. */
const bytes = (...parts: (number[] | Buffer)[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)));

const CLOSE = 8;

describe('hostile frames', () => {
  let server: ServerProcess;
  let raw: RawWebSocket | undefined;
  let witness: TestClient;
  const room = freshRoom();

  beforeAll(async () => {
    server = await ServerProcess.start({ ALLOW_ANONYMOUS: 'true', MESSAGES_PER_SECOND: '0' });
    witness = await TestClient.connect(`${server.wsUrl}/ws/chat/${room}`);
    await witness.next('joined');
  }, 30_000);
  afterEach(() => raw?.destroy());
  afterAll(async () => {
    witness.destroy();
    await server.stop();
  });

  async function open(): Promise<RawWebSocket> {
    raw = RawWebSocket.send(server.wsUrl, { path: `/ws/chat/${freshRoom()}` });
    expect((await raw.answer()).status).toBe(101);
    return raw;
  }

  /** The code of the close frame that the server sends. */
  async function closeCode(socket: RawWebSocket): Promise<number> {
    for (;;) {
      const { opcode, payload } = await socket.next();
      if (opcode === CLOSE) return payload.readUInt16BE(0);
    }
  }

  // RFC 6455: the section that forbids it, and the code that it asks for.
  it.each<[string, number, Buffer]>([
    ['an unmasked frame (5.1)', 1002, bytes([0x81, 2], Buffer.from('hi'))],
    ['a reserved bit (5.2)', 1002, bytes([0xc1, 0x80, 0, 0, 0, 0])],
    ['all reserved bits (5.2)', 1002, bytes([0xf1, 0x80, 0, 0, 0, 0])],
    ['a reserved opcode (5.2)', 1002, clientFrame('hi', 3)],
    ['a reserved control opcode (5.2)', 1002, clientFrame('hi', 0xb)],
    ['a fragmented ping (5.5)', 1002, clientFrame('hi', 9, false)],
    ['a ping of more than 125 bytes (5.5)', 1002, clientFrame('x'.repeat(126), 9)],
    ['a continuation of nothing (5.4)', 1002, clientFrame('hi', 0)],
    ['a new message inside a fragmented one (5.4)', 1002, bytes(clientFrame('a', 1, false), clientFrame('b', 1))],
    ['text that is no UTF-8 (8.1)', 1007, clientFrame(Buffer.from([0xff, 0xfe]))],
    ['an unpaired surrogate in UTF-8 (8.1)', 1007, clientFrame(Buffer.from([0xed, 0xa0, 0x80]))],
    ['a close frame of one byte (5.5.1)', 1002, clientFrame(Buffer.from([3]), CLOSE)],
    ['a close code that may not be sent (7.4)', 1002, clientFrame(Buffer.from([3, 237]), CLOSE)],
    ['a close reason that is no UTF-8 (5.5.1)', 1007, clientFrame(Buffer.from([3, 232, 0xff]), CLOSE)],
    ['a length of 2^63 (5.2)', 1009, bytes([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
    ['a length of 1 GiB, of which nothing comes', 1009, bytes([0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0])],
    [
      'fragments that never end',
      1009,
      bytes(...Array.from({ length: 80 }, (_, n) => clientFrame('x'.repeat(1_000), n ? 0 : 1, false))),
    ],
  ])('closes the connection of %s with %i, and no other', async (_what, code, frame) => {
    const socket = await open();
    socket.write(frame);
    expect(await closeCode(socket)).toBe(code);
    expect(await witness.request({ type: 'message', text: 'still here' })).toMatchObject({ type: 'ack' });
  });

  it('bears a thousand empty fragments and a control frame between them as the one message that they are', async () => {
    const socket = await open();
    const fragments = Array.from({ length: 1_000 }, (_, n) => clientFrame('', n ? 0 : 1, false));
    socket.write(bytes(...fragments, clientFrame('p', 9), clientFrame('{"type":"ping"}', 0)));
    const seen: string[] = [];
    await within(
      'both answers',
      (async () => {
        while (!seen.includes('{"type":"pong"}') || !seen.includes('p'))
          seen.push((await socket.next()).payload.toString());
      })(),
    );
  });

  it.each([
    ['pings', 9],
    ['pongs that nobody asked for', 10],
  ])('closes who sends forty thousand %s at once with 4003, and nobody else waits for it', async (_what, opcode) => {
    const socket = await open();
    socket.write(bytes(...Array.from({ length: 40_000 }, () => clientFrame('', opcode))));
    expect(await witness.request({ type: 'message', text: 'still here' })).toMatchObject({ type: 'ack' });
    expect(await closeCode(socket)).toBe(4003);
    expect(await witness.request({ type: 'message', text: 'and now' })).toMatchObject({ type: 'ack' });
  });

  it('is not held up by a reader of nothing that half-opened a thousand sockets', async () => {
    const sockets = Array.from({ length: 1_000 }, () => connect(server.port, '127.0.0.1').on('error', () => undefined));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    expect(await witness.request({ type: 'message', text: 'still here' })).toMatchObject({ type: 'ack' });
    const other = await TestClient.connect(`${server.wsUrl}/ws/chat/${room}`);
    await other.next('joined');
    other.destroy();
    for (const socket of sockets) socket.destroy();
  }, 30_000);

  it('answers a handshake whose headers trickle with 408, and does not wait for its end', async () => {
    const socket = connect(server.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('GET /ws/chat/slow HTTP/1.1\r\n');
    const trickle = setInterval(() => socket.write('X-A: b\r\n'), 500);
    await within('the end of it', closed, 20_000);
    clearInterval(trickle);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  }, 30_000);
});

describe('a decompression bomb', () => {
  let chat: ChatServer;
  afterEach(() => chat.close());

  it('CL6 closes with 1009 what is too large only after decompression, and never has it whole', async () => {
    chat = await startChat({ compression: true });
    const socket = RawWebSocket.send(chat.url, {
      path: `/ws/chat/${freshRoom()}?token=${chat.token('bomber')}`,
      headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_no_context_takeover' },
    });
    const { status, head } = await socket.answer();
    expect([status, /permessage-deflate/.test(head)]).toEqual([101, true]);
    const bomb = deflateRawSync(Buffer.alloc(50_000_000), { finishFlush: 2 }).subarray(0, -4); // Z_SYNC_FLUSH, RFC 7692, 7.2.1.
    expect(bomb.length).toBeLessThan(65_536);
    const before = process.memoryUsage().rss;
    const frame = clientFrame(bomb);
    frame[0]! |= 0x40; // Compressed.
    socket.write(frame);
    let code = 0;
    while (code === 0) {
      const { opcode, payload } = await socket.next();
      if (opcode === CLOSE) code = payload.readUInt16BE(0);
    }
    expect(code).toBe(1009);
    expect(process.memoryUsage().rss - before).toBeLessThan(25_000_000);
    await until('it is gone', () => chat.registry.connections().length === 0);
    socket.destroy();
  });
});
