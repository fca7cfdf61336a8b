import { until } from './test-api.js';
import type { Broker } from '../../index.js';

export type BrokerMessage = Parameters<Parameters<Broker['subscribe']>[1]>[0];

/** What came to a subscription. */
export class Received {
  readonly messages: BrokerMessage[] = [];

  /** The listener to subscribe with. */
  readonly listener = (message: BrokerMessage): void => {
    // The broker may use the memory again.
    this.messages.push({ ...message, payload: Buffer.from(message.payload) });
  };

  get offsets(): number[] {
    return this.messages.map((message) => message.offset);
  }

  get texts(): string[] {
    return this.messages.map((message) => message.payload.toString());
  }

  /** Waits until a message with this text has come. */
  async text(text: string): Promise<BrokerMessage> {
    await until(
      () => this.texts,
      (texts) => texts.includes(text),
    );
    return this.messages[this.texts.indexOf(text)] as BrokerMessage;
  }

  /** Waits until this many have come. */
  async count(count: number): Promise<BrokerMessage[]> {
    await until(
      () => this.messages.length,
      (length) => length >= count,
    );
    return this.messages;
  }
}

/** Subscribes, and collects what comes. */
export async function receive(broker: Broker, address: string): Promise<Received> {
  const received = new Received();
  await broker.subscribe(address, received.listener);
  return received;
}
