import { Command } from 'ioredis';
import type { Cluster, Redis } from 'ioredis';
import { BrokerUnavailableError } from '../realtime.errors.js';
import { ScriptCommand } from './redis-script.js';
import type { CommandArgument, RedisScript } from './redis-script.js';

/** Answers that say: this command was not carried out, here, now. Elsewhere, or with the script's text, it would be. */
const NOT_CARRIED_OUT = /^(?:NOSCRIPT|MOVED|ASK|TRYAGAIN) /;

/**
 * Where commands of a slot go that must keep their order. ioredis chooses the node for the first of them and remembers it
 * here: for a slot whose node it has just lost it would choose one at random each time.
 */
export interface Route {
  readonly slot: number;
  redis?: unknown;
}

/** Sends commands over the connection that all parts share. What comes back are Buffers, numbers and arrays of them. */
export class RedisCommands {
  constructor(private readonly client: Redis | Cluster) {}

  /** The slot of a key in a cluster. Without a cluster -1. */
  slotOf(key: string): number {
    return this.client.isCluster ? slotOf(key) : -1;
  }

  /** Names the node that a slot's commands go to at this moment. */
  ownerOf(slot: number): string | undefined {
    return slot < 0 ? '' : (this.client as Cluster).slots[slot]?.[0];
  }

  /**
   * Runs a script.
   *
   * @throws BrokerUnavailableError unavailable — it may have run all the same.
   */
  async run(script: RedisScript, keys: readonly string[], args: readonly CommandArgument[]): Promise<unknown> {
    try {
      return await this.send(new ScriptCommand(script, keys, args));
    } catch (error) {
      if (!isNotCarriedOut(error)) throw unavailable(error);
    }
    script.forget();
    return this.runByText(script, keys, args);
  }

  /**
   * Runs a script by its text, which also teaches it to the server. Goes where the slot is, wherever that turns out to be.
   *
   * @throws BrokerUnavailableError unavailable — it may have run all the same.
   */
  async runByText(script: RedisScript, keys: readonly string[], args: readonly CommandArgument[]): Promise<unknown> {
    return this.call('eval', [script.lua, keys.length, ...keys, ...args]);
  }

  /**
   * Tries to run a script once, where the route leads. It is written to the connection within the call, which it leaves
   * with the turn of the event loop, and it is not sent on to another node by itself, so that whoever calls can keep an
   * order.
   *
   * @throws Error as it came from Redis; see {@link isNotCarriedOut}.
   */
  attempt(
    script: RedisScript,
    route: Route,
    keys: readonly string[],
    args: readonly CommandArgument[],
  ): Promise<unknown> {
    const command = new ScriptCommand(script, keys, args);
    // With a node, ioredis leaves redirections to the caller: so do its own pipelines.
    if (route.slot >= 0) (this.client as Cluster).sendCommand(command, undefined, route);
    else this.client.sendCommand(command);
    return command.promise;
  }

  /** @throws BrokerUnavailableError unavailable — it may have been carried out all the same. */
  async call(name: string, args: readonly CommandArgument[]): Promise<unknown> {
    try {
      return await this.send(new Command(name, [...args]));
    } catch (error) {
      throw unavailable(error);
    }
  }

  private send(command: Command): Promise<unknown> {
    this.client.sendCommand(command);
    return command.promise;
  }
}

/** The slot of a key in a cluster. */
export function slotOf(key: string): number {
  return new Command('get', [key]).getSlot();
}

/** Says whether an error of {@link RedisCommands.attempt} is an answer by which the script surely did not run. */
export function isNotCarriedOut(error: unknown): boolean {
  return error instanceof Error && NOT_CARRIED_OUT.test(error.message);
}

/** What ioredis says about its own affairs, in words for whoever runs the server. */
const IN_PLAIN_WORDS: readonly (readonly [RegExp, string])[] = [
  [/max retries per request|^Connection is closed/, 'the connection was lost'],
  [/isn't writeable|isn't ready/, 'no connection'],
  [/^Command timed out/, 'no answer in time'],
];

/** What callers get for whatever went wrong. Of the error only its text: ioredis hangs the arguments on it, payloads and all. */
export function unavailable(error: unknown): BrokerUnavailableError {
  const reason = error instanceof Error ? error.message : String(error);
  const words = IN_PLAIN_WORDS.find(([pattern]) => pattern.test(reason))?.[1] ?? `"${reason}"`;
  return new BrokerUnavailableError(
    `expected an answer of Redis, got ${words}: it may be done or not, try again later`,
  );
}
