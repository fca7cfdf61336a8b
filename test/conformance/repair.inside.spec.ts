import { afterEach, describe, expect, it } from '@jest/globals';
import { RealtimeHealth } from '../../src/index.js';
import type { Broker } from '../../src/index.js';
import { FlakyBroker } from '../../src/testing/index.js';
import { memoryBroker } from '../support/brokers.js';
import { freshRoom, freshUser, heard, offsetsIn } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { until } from '../support/within.js';

describe('repairs after an interruption', () => {
  let chat: ChatServer | undefined;

  afterEach(() => chat?.close());

  async function start(inner: Broker): Promise<{ server: ChatServer; flaky: FlakyBroker }> {
    const flaky = new FlakyBroker(inner);
    chat = await startChat({ broker: flaky, positionCheckMs: 0 });
    return { server: chat, flaky };
  }

  it('RC4 is not ready before rooms that were cut off have what they missed', async () => {
    const { server, flaky } = await start(memoryBroker());
    const health = server.server.app.get(RealtimeHealth);
    const room = freshRoom();
    const alice = await server.enter(room, freshUser());
    flaky.dropDeliveries();
    await server.realtime.to(`chat/${room}`).publish('message', { text: 'missed' });
    flaky.hang('history');
    flaky.interrupt([`chat/${room}`]);
    expect(await health.check()).toEqual({ status: 'recovering', broker: true });
    flaky.heal();
    await heard(alice, 'missed');
    expect(await health.check()).toEqual({ status: 'ok', broker: true });
  });

  it('RC4 repairs what was missed while a repair had read already', async () => {
    const inner = memoryBroker();
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    const history = inner.history.bind(inner);
    inner.history = async (...range) => {
      const page = await history(...range);
      await held;
      return page;
    };
    const { server, flaky } = await start(inner);
    const room = freshRoom();
    const alice = await server.enter(room, freshUser());
    flaky.dropDeliveries();
    const publish = (text: string): Promise<unknown> => server.realtime.to(`chat/${room}`).publish('message', { text });
    await publish('before it read');
    const reading = flaky.called('history');
    flaky.interrupt([`chat/${room}`]);
    await reading;
    await publish('after it read');
    flaky.interrupt([`chat/${room}`]);
    answer();
    await heard(alice, 'after it read');
    expect(offsetsIn(alice, room)).toEqual([1, 2]);
  });

  it('RC4 subscribes a room again that is found behind: it may have lost its channel alone', async () => {
    const flaky = new FlakyBroker(memoryBroker());
    chat = await startChat({ broker: flaky, positionCheckMs: 20 });
    const room = freshRoom();
    const alice = await chat.enter(room, freshUser());
    const before = flaky.count('subscribe');
    flaky.dropDeliveries();
    await chat.realtime.to(`chat/${room}`).publish('message', { text: 'unheard' });
    await heard(alice, 'unheard');
    await until('it is subscribed again', () => flaky.count('subscribe') > before);
  });
});
