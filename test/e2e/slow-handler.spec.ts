import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { MessageBody, SubscribeMessage } from '@nestjs/websockets';
import { Concurrent, CurrentRoom, RealtimeGateway } from '../../src/index.js';
import type { OnJoin, PublishResult, Room } from '../../src/index.js';
import { startTestServer, TestClient } from '../../src/testing/index.js';
import type { TestServer } from '../../src/testing/index.js';
import { Probe } from '../support/probe.js';

jest.setTimeout(20_000);

let probe: Probe;

interface Body {
  readonly text: string;
}

@RealtimeGateway('/ws/slow{/:room}')
class SlowGateway implements OnJoin {
  async onJoin(room: Room): Promise<void> {
    await probe.pass('onJoin', room.name);
  }

  /** Works before it publishes. */
  @SubscribeMessage('message')
  async say(@CurrentRoom() room: Room, @MessageBody() { text }: Body): Promise<PublishResult> {
    await probe.pass('before', text);
    return room.publish('message', { text });
  }

  /** Publishes, and goes on working. */
  @SubscribeMessage('after')
  async sayFirst(@CurrentRoom() room: Room, @MessageBody() { text }: Body): Promise<PublishResult> {
    const published = await room.publish('message', { text });
    await probe.pass('after', text);
    return published;
  }

  @Concurrent()
  @SubscribeMessage('concurrent')
  async concurrent(@CurrentRoom() room: Room, @MessageBody() { text }: Body): Promise<PublishResult> {
    await probe.pass('concurrent', text);
    return room.publish('message', { text });
  }

  @SubscribeMessage('roomless')
  async roomless(@MessageBody() { text }: Body): Promise<string> {
    await probe.pass('roomless', text);
    return text;
  }
}

let server: TestServer;
let clients: TestClient[];

beforeEach(async () => {
  probe = new Probe();
  clients = [];
  server = await startTestServer({ gateways: [SlowGateway], options: { auth: { allowAnonymous: true } } });
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  await server.close();
});

async function enter(room?: string): Promise<TestClient> {
  const client = await TestClient.connect(`${server.url}/ws/slow${room === undefined ? '' : `/${room}`}`);
  clients.push(client);
  await client.next(room === undefined ? 'welcome' : 'joined');
  return client;
}

async function textsOf(client: TestClient, count: number): Promise<unknown[]> {
  return (await client.take(count, 'message')).map((frame) => frame['text']);
}

describe('a handler that does not come to an end', () => {
  it('holds up its own sender in its room alone: other senders and other rooms go on', async () => {
    probe.hold('before:slow');
    const sender = await enter('a');
    const same = await enter('a');
    const other = await enter('b');
    sender.send({ text: 'slow' });
    await probe.made('before:slow');
    sender.send({ text: 'behind' });
    expect(await same.request({ text: 'passes' })).toMatchObject({ type: 'ack', offset: 1 });
    expect(await other.request({ text: 'passes too' })).toMatchObject({ type: 'ack', offset: 1 });
    expect(await sender.request({ type: 'join', room: 'b' })).toMatchObject({ type: 'joined' });
    expect(await sender.request({ room: 'b', text: 'my other room' })).toMatchObject({ type: 'ack', offset: 2 });
    expect(probe.count('before:behind')).toBe(0);
    probe.release('before:slow');
    const inA = await same.take(3, 'message');
    expect(inA.map((frame) => frame['text'])).toEqual(['passes', 'slow', 'behind']);
  });

  it('does not hold up ping, history, presence and new connections', async () => {
    probe.hold('before:slow');
    const sender = await enter('a');
    sender.send({ text: 'slow' });
    await probe.made('before:slow');
    expect(await sender.request({ type: 'ping' })).toMatchObject({ type: 'pong' });
    expect(await sender.request({ type: 'history' })).toMatchObject({ type: 'history', frames: [] });
    expect(await sender.request({ type: 'presence' })).toMatchObject({ type: 'presence', count: 1 });
    await enter('a');
    probe.release('before:slow');
  });

  it('does not hold up what is sent to its sender', async () => {
    probe.hold('before:slow');
    const sender = await enter('a');
    sender.send({ text: 'slow' });
    await probe.made('before:slow');
    await server.realtime.to('slow/a').publish('news', {});
    await sender.next('news');
    probe.release('before:slow');
  });

  it('holds up a leave of its room, and a join behind it, which are answered in their order', async () => {
    probe.hold('before:slow');
    const sender = await enter('a');
    sender.send({ text: 'slow', id: '00000000-0000-4000-8000-000000000001' });
    await probe.made('before:slow');
    sender.send({ type: 'leave', room: 'a', id: '00000000-0000-4000-8000-000000000002' });
    sender.send({ text: 'too late', id: '00000000-0000-4000-8000-000000000003' });
    sender.send({ type: 'join', room: 'a', id: '00000000-0000-4000-8000-000000000004' });
    sender.send({ text: 'again', id: '00000000-0000-4000-8000-000000000005' });
    await sender.roundTrip();
    expect(sender.received.some(({ type }) => type === 'left')).toBe(false);
    probe.release('before:slow');
    await sender.answer('00000000-0000-4000-8000-000000000005');
    const answers = sender.received.filter(({ id, type }) => id?.startsWith('00000000') && type !== 'message');
    const told = answers.map(({ id, type, code }) => `${id?.at(-1)} ${code ?? type}`);
    expect([...told].sort()).toEqual(['1 ack', '2 left', '3 not_in_room', '4 joined', '5 ack']);
    expect(told.filter((line) => /left|joined/.test(line))).toEqual(['2 left', '4 joined']);
  });

  it('does not keep its connection, or the application, from ending', async () => {
    probe.hold('before:slow');
    const sender = await enter('a');
    sender.send({ text: 'slow' });
    await probe.made('before:slow');
    const closing = server.close();
    expect(await sender.closed()).toEqual({ code: 1001, reason: 'going_away' });
    await closing;
    probe.release('before:slow');
  });

  it('in an OnJoin holds up frames to its room, and nothing else', async () => {
    probe.hold('onJoin:b');
    const client = await enter('a');
    client.send({ type: 'join', room: 'b', id: '00000000-0000-4000-8000-000000000001' });
    client.send({ room: 'b', text: 'to b', id: '00000000-0000-4000-8000-000000000002' });
    await probe.made('onJoin:b');
    expect(await client.request({ text: 'to a' })).toMatchObject({ type: 'ack' });
    expect(probe.count('before:to b')).toBe(0);
    probe.release('onJoin:b');
    expect(await client.answer('00000000-0000-4000-8000-000000000002')).toMatchObject({ type: 'ack', offset: 1 });
  });

  it('that has handed over its publish lets the next frame start (OR3)', async () => {
    probe.hold('after:first');
    const client = await enter('a');
    client.send({ type: 'after', text: 'first', id: '00000000-0000-4000-8000-000000000001' });
    await probe.made('after:first');
    expect(await client.request({ text: 'second' })).toMatchObject({ type: 'ack', offset: 2 });
    expect(
      client.received.some(({ type, id }) => type === 'ack' && id === '00000000-0000-4000-8000-000000000001'),
    ).toBe(false);
    probe.release('after:first');
    expect(await client.answer('00000000-0000-4000-8000-000000000001')).toMatchObject({ type: 'ack', offset: 1 });
  });

  it('with @Concurrent() holds up nothing, its own sender included', async () => {
    probe.hold('concurrent:slow');
    const client = await enter('a');
    client.send({ type: 'concurrent', text: 'slow' });
    await probe.made('concurrent:slow');
    expect(await client.request({ type: 'concurrent', text: 'quick' })).toMatchObject({ type: 'ack', offset: 1 });
    expect(await client.request({ text: 'ordered' })).toMatchObject({ type: 'ack', offset: 2 });
    probe.release('concurrent:slow');
    expect(await textsOf(client, 3)).toEqual(['quick', 'ordered', 'slow']);
  });

  it('frames to no room keep their order too, and wait for no room', async () => {
    probe.hold('roomless:first');
    const client = await enter();
    await client.request({ type: 'join', room: 'a' });
    client.send({ type: 'roomless', text: 'first' });
    await probe.made('roomless:first');
    client.send({ type: 'roomless', text: 'second', id: '00000000-0000-4000-8000-000000000002' });
    expect(await client.request({ room: 'a', text: 'x' })).toMatchObject({ type: 'ack' });
    expect(probe.count('roomless:second')).toBe(0);
    probe.release('roomless:first');
    expect(await client.answer('00000000-0000-4000-8000-000000000002')).toMatchObject({ data: 'second' });
  });

  it('makes the server read no further when a thousand frames wait, and lose none of them', async () => {
    await server.close();
    server = await startTestServer({
      gateways: [SlowGateway],
      options: { auth: { allowAnonymous: true }, messagesPerSecond: 0 },
    });
    probe.hold('before:slow');
    const client = await enter('a');
    client.send({ text: 'slow' });
    await probe.made('before:slow');
    for (let i = 0; i < 3_000; i += 1) client.send({ text: String(i) });
    probe.release('before:slow');
    const texts = (await client.take(3_001, 'message')).map((frame) => frame['text']);
    expect(texts).toEqual(['slow', ...Array.from({ length: 3_000 }, (_, i) => String(i))]);
  });
});
