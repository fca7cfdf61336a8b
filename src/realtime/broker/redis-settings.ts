import { Cluster, Redis } from 'ioredis';
import type { ClusterOptions, RedisOptions } from 'ioredis';
import { RealtimeConfigError } from '../realtime.errors.js';
import { parseRedisUrl } from './redis-url.js';

/** A URL, options for one server or Sentinels, or a factory. */
export type RedisSource = string | RedisOptions | (() => Redis | Cluster);

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;

/**
 * Makes the client that commands go through, not connected yet. What correctness depends on is set whatever was given.
 * Of a factory's client the options are taken and it is let go.
 *
 * @throws RealtimeConfigError bad_config — the source can't be used.
 */
export function createCommandClient(source: RedisSource, commandTimeoutMs: number): Redis | Cluster {
  if (typeof source === 'function') return fromTemplate(source(), commandTimeoutMs);
  if (typeof source === 'string') {
    const target = parseRedisUrl(source);
    if (target.kind === 'single') return new Redis(options(target.options, commandTimeoutMs));
    return new Cluster([...target.nodes], clusterOptions({ redisOptions: target.options }, commandTimeoutMs));
  }
  return new Redis(options(source, commandTimeoutMs));
}

/** Makes a client for subscriptions to the server that another client is for, not connected yet. */
export function createSubscriberClient(like: Redis, commandTimeoutMs: number): Redis {
  const connectionName = like.options.connectionName?.replace(/:commands$/, ':subscriber');
  return like.duplicate({ ...forced(commandTimeoutMs), connectionName, retryStrategy: retryDelayMs });
}

function fromTemplate(template: Redis | Cluster, commandTimeoutMs: number): Redis | Cluster {
  if (typeof (template as Partial<Redis> | undefined)?.duplicate !== 'function') {
    throw new RealtimeConfigError(
      'redis: expected the factory to return a Redis or a Cluster of ioredis, got something else',
    );
  }
  template.on('error', () => undefined); // It is let go: what our own connections say counts.
  template.disconnect();
  if (!isCluster(template)) return template.duplicate(options(template.options, commandTimeoutMs));
  refuseKeyPrefix(template.options.keyPrefix);
  return template.duplicate([], clusterOptions(template.options, commandTimeoutMs));
}

/** Not `instanceof`: the factory may use a copy of ioredis of its own. */
export function isCluster(client: Redis | Cluster): client is Cluster {
  return client.isCluster;
}

/**
 * What correctness depends on: a command whose answer was lost is never sent again, none waits for a connection, none
 * for ever; a connection that gives no sign of life while a command waits is given up; subscriptions are ours to renew.
 */
function forced(commandTimeoutMs: number): RedisOptions {
  return {
    lazyConnect: true,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    enableReadyCheck: true,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    socketTimeout: commandTimeoutMs + 500,
    disconnectTimeout: 500,
    stringNumbers: false,
    replyMapping: 'legacy',
    // A master that hung and was replaced takes what it is sent, and loses it when it becomes a replica: the Sentinels say
    // so first. Without Sentinels it does nothing.
    failoverDetector: true,
    // A master that became a replica: the connection is made anew, to whoever is master by then.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

function options(given: RedisOptions, commandTimeoutMs: number): RedisOptions {
  refuseKeyPrefix(given.keyPrefix);
  const connectionName = `${given.connectionName ?? 'rookery'}:commands`;
  return { ...given, ...forced(commandTimeoutMs), connectionName, retryStrategy: retryDelayMs };
}

function clusterOptions(given: ClusterOptions, commandTimeoutMs: number): ClusterOptions {
  // A node that is lost is found again by looking at the slots, not by waiting for its return.
  const { retryStrategy: _, ...redisOptions } = options(given.redisOptions ?? {}, commandTimeoutMs);
  return {
    ...given,
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: true,
    enableAutoPipelining: false,
    scaleReads: 'master',
    // Both would send a command again whose answer was lost.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    // Subscriptions are ours: a failed renewal of ioredis's own is told to nobody.
    shardedSubscribers: false,
    clusterRetryStrategy: retryDelayMs,
    redisOptions,
  };
}

function refuseKeyPrefix(keyPrefix: string | undefined): void {
  if (!keyPrefix) return;
  throw new RealtimeConfigError('redis: expected no keyPrefix, which leaves out channels: set redisPrefix instead');
}

function retryDelayMs(attempt: number): number {
  const delayMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10), LONGEST_RETRY_MS);
  // Spread, so that a hundred pods don't come back in the same instant.
  return Math.round(delayMs * (0.75 + Math.random() / 2));
}
