import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisBroker } from '../../src/realtime/broker/redis-broker.js';
import { RedisConnections } from '../../src/realtime/broker/redis-connections.js';
import { RedisPresence } from '../../src/realtime/presence/redis-presence.js';
import type { describeBrokerContract } from '../../src/testing/contracts/broker.contract.js';
import type { describePresenceContract } from '../../src/testing/contracts/presence.contract.js';

type BrokerPods = Parameters<typeof describeBrokerContract>[2]['createPods'];
type PresencePods = Parameters<typeof describePresenceContract>[2]['createPods'];

/** Two brokers on one Redis, however it is reached. */
export function brokerPods(url: () => string, changeHands: Awaited<ReturnType<BrokerPods>>['changeHands']): BrokerPods {
  return async (settings) => {
    const pods = [1, 2].map(
      () => new RedisBroker({ connections: new RedisConnections({ redis: url() }), ...settings }),
    );
    await Promise.all(pods.map((pod) => pod.open()));
    return {
      pods,
      elapse: (ms) => sleep(ms), // Redis expires by the machine's clock.
      changeHands,
      close: async () => void (await Promise.all(pods.map((pod) => pod.close()))),
    };
  };
}

/** Three pods with short leases on one Redis, in a space of their own. */
export function presencePods(url: () => string): PresencePods {
  return async () => {
    const prefix = `${randomUUID()}:`;
    const pods = [1, 2, 3].map(() => {
      const connections = new RedisConnections({ redis: url(), prefix });
      return { connections, presence: new RedisPresence({ connections, leaseMs: 300 }), crashed: false };
    });
    await Promise.all(pods.map(({ presence }) => presence.open()));
    return {
      pods: pods.map(({ presence }) => presence),
      elapse: (ms) => sleep(ms), // Leases are Redis's own time.
      crash: async (presence) => {
        for (const pod of pods) {
          if (pod.presence !== presence) continue;
          pod.crashed = true;
          await pod.connections.close();
        }
      },
      close: async () => {
        await Promise.all(pods.filter(({ crashed }) => !crashed).map(({ presence }) => presence.close(0)));
      },
    };
  };
}
