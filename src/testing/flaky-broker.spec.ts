import { describe, expect, it } from '@jest/globals';
import { BrokerUnavailableError } from '../index.js';
import { FlakyBroker } from './flaky-broker.js';

const ROOM = 'chat/general';

async function open(): Promise<{ flaky: FlakyBroker; came: number[]; publish: (text: string) => Promise<unknown> }> {
  const flaky = new FlakyBroker();
  const came: number[] = [];
  await flaky.open();
  await flaky.subscribe(ROOM, ({ offset }) => came.push(offset));
  return { flaky, came, publish: (text) => flaky.publish(ROOM, Buffer.from(text), { store: true }) };
}

describe('FlakyBroker', () => {
  it('fails an operation as often as it is told, and reaches nothing inside', async () => {
    const { flaky, publish } = await open();
    flaky.fail('publish', 2);
    await expect(publish('a')).rejects.toThrow(BrokerUnavailableError);
    await expect(publish('a')).rejects.toThrow(BrokerUnavailableError);
    expect(await publish('a')).toMatchObject({ offset: 1 });
    expect(flaky.count('publish')).toBe(3);
  });

  it('lets what hangs go on where it hung', async () => {
    const { flaky, publish } = await open();
    flaky.hang('publish');
    const hung = [publish('a'), publish('b')];
    flaky.heal();
    expect(await Promise.all(hung)).toMatchObject([{ offset: 1 }, { offset: 2 }]);
  });

  it('loses deliveries, or keeps them back in their order', async () => {
    const { flaky, came, publish } = await open();
    flaky.dropDeliveries((_address, { offset }) => offset === 1);
    await publish('a');
    await publish('b');
    flaky.holdDeliveries();
    await publish('c');
    await publish('d');
    expect(came).toEqual([2]);
    flaky.heal();
    expect(came).toEqual([2, 3, 4]);
  });

  it('is known to be away until it comes back', async () => {
    const { flaky, publish } = await open();
    const told: boolean[] = [];
    flaky.onAvailability((available) => told.push(available));
    flaky.goAway();
    expect(flaky.available).toBe(false);
    await expect(publish('a')).rejects.toThrow(BrokerUnavailableError);
    await flaky.unsubscribe(ROOM);
    flaky.comeBack();
    expect(await publish('a')).toMatchObject({ offset: 1 });
    expect(told).toEqual([false, true]);
  });

  it('says when an operation was called', async () => {
    const { flaky, publish } = await open();
    const called = flaky.called('publish');
    void publish('a');
    await called;
    await flaky.called('publish', 0);
    expect(flaky.count('publish')).toBe(1);
  });

  it('tells an interruption that never was', async () => {
    const { flaky } = await open();
    const told: (readonly string[])[] = [];
    flaky.onInterrupted((addresses) => told.push(addresses));
    flaky.interrupt([ROOM]);
    expect(told).toEqual([[ROOM]]);
  });
});
