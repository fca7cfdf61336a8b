import type { RedisProcess } from '../redis-process.js';

/** The Redis of a ledger's pods, however many servers it is made of. */
export interface RedisPlace {
  /** How many servers take writes at once. */
  readonly masters: number;
  /** What a pod has in its `REDIS_URL`. */
  urlOf(pod: number): string;
  /** A server that takes writes, by its number from 0. */
  master(nth: number): Promise<RedisProcess>;
  /** The server that has a key. */
  ownerOf(key: string): Promise<RedisProcess>;
  /** Resolves when every server is there, in its role, with what it must have. All must be running. */
  whole(): Promise<void>;
  close(): Promise<void>;
}

/** One whose masters have replicas, which take over. */
export interface ReplicatedPlace extends RedisPlace {
  replicaOf(master: RedisProcess): Promise<RedisProcess>;
  /** Resolves when a master that is gone, or stands still, was replaced by its replica. */
  replaced(master: RedisProcess, replica: RedisProcess): Promise<void>;
  /** Resolves when a master that was replaced has learnt that it is a replica now. */
  rejoined(master: RedisProcess): Promise<void>;
  /** Lets an operator change master and replica. Resolves when it is done. */
  handOver(master: RedisProcess, replica: RedisProcess): Promise<void>;
}
