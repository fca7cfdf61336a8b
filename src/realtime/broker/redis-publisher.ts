import type { RedisCommands, Route } from './redis-commands.js';
import { isNotCarriedOut, unavailable } from './redis-commands.js';
import type { CommandArgument, RedisScript } from './redis-script.js';

interface Job {
  readonly script: RedisScript;
  readonly keys: readonly string[];
  readonly args: readonly CommandArgument[];
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The publishes of one room that are under way. */
interface Lane {
  readonly address: string;
  /** Where those in flight were sent to. */
  readonly route: Route;
  /** The node that the slot was thought to be on then. */
  owner: string | undefined;
  inFlight: number;
  /** Refused without having been carried out, in the order in which they were sent. */
  refused: Job[];
  /** Called after a refusal: they wait until those before them are done. */
  held: Job[];
  stalled: boolean;
}

/**
 * Runs the publish script so that the publishes of one room are stored in the order of the calls, without one waiting
 * for the answer to another. What could break that order is a server that refuses some of those in flight (its script
 * cache was emptied, the slot has moved): then the room's publishes stop, what is in flight settles, and they go on
 * one by one until none is left.
 */
export class RedisPublisher {
  private readonly lanes = new Map<string, Lane>();
  private readonly idle: (() => void)[] = [];

  constructor(private readonly commands: RedisCommands) {}

  /** @throws BrokerUnavailableError unavailable — it may have been published all the same. */
  run(
    address: string,
    script: RedisScript,
    keys: readonly string[],
    args: readonly CommandArgument[],
  ): Promise<unknown> {
    const lane = this.lanes.get(address) ?? this.newLane(address, keys[0] ?? '');
    return new Promise((resolve, reject) => {
      this.take(lane, { script, keys, args, resolve, reject });
    });
  }

  /** Resolves when nothing is under way. */
  settled(): Promise<void> {
    return this.lanes.size === 0 ? Promise.resolve() : new Promise((resolve) => this.idle.push(resolve));
  }

  private take(lane: Lane, job: Job): void {
    const owner = this.commands.ownerOf(lane.route.slot);
    if (lane.inFlight > 0 && owner !== lane.owner) lane.stalled = true;
    lane.owner = owner;
    if (lane.stalled) lane.held.push(job);
    else this.send(lane, job);
  }

  private send(lane: Lane, job: Job): void {
    lane.inFlight += 1;
    this.commands.attempt(job.script, lane.route, job.keys, job.args).then(
      (answer) => {
        job.resolve(answer);
        this.afterOne(lane);
      },
      (error: unknown) => {
        if (isNotCarriedOut(error)) {
          job.script.forget();
          lane.stalled = true;
          lane.refused.push(job);
        } else {
          job.reject(unavailable(error));
        }
        this.afterOne(lane);
      },
    );
  }

  private afterOne(lane: Lane): void {
    lane.inFlight -= 1;
    if (lane.inFlight > 0) return;
    if (lane.stalled) void this.goOnOneByOne(lane);
    else this.end(lane);
  }

  private async goOnOneByOne(lane: Lane): Promise<void> {
    for (let job = nextOf(lane); job; job = nextOf(lane)) {
      // The order is the point.
      await this.commands.runByText(job.script, job.keys, job.args).then(job.resolve, job.reject);
    }
    lane.stalled = false;
    this.end(lane);
  }

  private newLane(address: string, key: string): Lane {
    const route = { slot: this.commands.slotOf(key) };
    const lane: Lane = { address, route, owner: undefined, inFlight: 0, refused: [], held: [], stalled: false };
    this.lanes.set(address, lane);
    return lane;
  }

  private end(lane: Lane): void {
    this.lanes.delete(lane.address);
    if (this.lanes.size === 0) for (const resolve of this.idle.splice(0)) resolve();
  }
}

function nextOf(lane: Lane): Job | undefined {
  return lane.refused.shift() ?? lane.held.shift();
}
