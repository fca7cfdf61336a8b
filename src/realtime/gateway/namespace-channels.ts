import type { Broker } from '../broker/broker.js';
import type { Clock, Timer } from '../clock.js';
import type { ConnectionRegistry } from '../connection/connection-registry.js';
import { encodeTextMessage } from '../connection/ws-frame.js';
import { everybodyIn } from '../rooms/address.js';
import { deliverToAll } from '../rooms/fan-out.js';

export interface NamespaceChannelsParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly connections: ConnectionRegistry;
}

const RETRY_MS = 1_000;

/** Delivers what is published to a whole namespace: to every connection of it on this pod. */
export class NamespaceChannels {
  private readonly retries = new Set<Timer>();

  constructor(private readonly parts: NamespaceChannelsParts) {}

  /** Subscribes; where the broker does not answer, again and again until it does. */
  open(namespace: string): void {
    const { broker, connections, clock } = this.parts;
    const subscribed = broker.subscribe(everybodyIn(namespace).address, (message) => {
      const recipients = connections.list(namespace).map((connection) => ({ connection }));
      deliverToAll(recipients, encodeTextMessage(message.payload), message.except);
    });
    subscribed.catch(() => {
      // That it does not answer the broker tells itself.
      const timer = clock.after(RETRY_MS, () => {
        this.retries.delete(timer);
        this.open(namespace);
      });
      this.retries.add(timer);
    });
  }

  /** Ends the tries; subscriptions end with the broker. */
  close(): void {
    for (const timer of this.retries) timer.cancel();
    this.retries.clear();
  }
}
