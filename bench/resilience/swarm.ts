import { setTimeout as delay } from 'node:timers/promises';
import { Ledger, sumOf } from './ledger.js';
import type { LedgerCounts } from './ledger.js';
import { Uplink } from './uplink.js';

/** What the swarm tries out: a server and the client that belongs to it. */
export interface System {
  /** Connects a subscriber to the room through this uplink. It comes back as its own client does, by its defaults. */
  subscribe(name: string, uplink: Uplink, listener: Listener): Closable;
  /** Connects the one who publishes; nobody cuts that connection. */
  publisher(): Publisher;
  /** Where attempts go in turn, where there are several servers. */
  readonly ports?: readonly number[];
}

/** What a subscriber tells. */
export interface Listener {
  /** It is in the room. `recovered`: whether the system says that it missed nothing since it was last there. */
  joined(recovered?: boolean): void;
  received(text: string): void;
}

export interface Closable {
  close(): void;
}

export interface Publisher extends Closable {
  /** Resolves when the server has it. */
  publish(text: string): Promise<unknown>;
}

/** What is done to the swarm. */
export interface SwarmPlan {
  readonly clients: number;
  readonly connectsPerSecond: number;
  readonly messagesPerSecond: number;
  /** How long messages are published and connections are cut. */
  readonly durationMs: number;
  /** From one cut of a client to its next; the first comes at a random moment of this time. */
  readonly cutEveryMs: number;
  /** How long its network is gone after each cut. */
  readonly awayMs: number;
  /** How long after the last message, at most, what is missing may still come. */
  readonly settleMs: number;
}

/** How long deliveries took from the call of `publish`, in milliseconds. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What came of it. */
export interface SwarmReport extends LedgerCounts {
  readonly published: number;
  /** Messages × clients. */
  readonly expected: number;
  /** Connections that were cut while they were there. */
  readonly cuts: number;
  /** Attempts to connect that the network let through or not, the first ones included. */
  readonly attempts: number;
  /** Times that a client came into the room, the first ones included. */
  readonly joins: number;
  /** Returns of which the system said that nothing was missed, and the others. */
  readonly recovered: number;
  readonly unrecovered: number;
  /** Deliveries of messages that were published when the client had its connection already. */
  readonly live: Latency;
  /** Deliveries of messages that were published before it made the connection on which they came. */
  readonly replayed: Latency;
}

/** Before the first cut, so that every client has seen a message: without one socket.io has nothing to recover from. */
const LEAD_MS = 1_000;
const CONNECT_TIMEOUT_MS = 60_000;

/**
 * AnyCable's scenario: subscribers in one room, messages at a steady rate, and every subscriber's TCP connection cut
 * again and again, each at its own times.
 *
 * @throws Error where the swarm does not get into the room, or a message can't be published
 */
export async function runSwarm(system: System, plan: SwarmPlan): Promise<SwarmReport> {
  const members: Member[] = [];
  const publisher = system.publisher();
  try {
    for (let i = 0; i < plan.clients; i += 1) {
      members.push(new Member(`client-${i}`, system));
      await delay(1_000 / plan.connectsPerSecond);
    }
    await Promise.race([Promise.all(members.map((member) => member.isIn)), refuseAfter(CONNECT_TIMEOUT_MS, members)]);
    const cutting = setTimeout(() => members.forEach((member) => member.beginCuts(plan)), LEAD_MS);
    const published = await publishAll(publisher, plan);
    clearTimeout(cutting);
    for (const member of members) member.endCuts();
    const until = Date.now() + plan.settleMs;
    while (Date.now() < until && members.some(({ ledger }) => ledger.delivered < published)) await delay(50);
    return reportOf(members, published);
  } finally {
    publisher.close();
    for (const member of members) member.close();
  }
}

/** One subscriber: its network, and what it saw. */
class Member {
  readonly ledger = new Ledger();
  readonly uplink: Uplink;
  /** Resolves when it is in the room for the first time. */
  readonly isIn: Promise<void>;
  readonly live: number[] = [];
  readonly replayed: number[] = [];
  cuts = 0;
  joins = 0;
  recovered = 0;
  unrecovered = 0;
  readonly #subscription: Closable;
  #timers: NodeJS.Timeout[] = [];

  constructor(
    readonly name: string,
    system: System,
  ) {
    this.uplink = new Uplink({ ports: system.ports });
    let enter: () => void = () => undefined;
    this.isIn = new Promise((resolve) => {
      enter = resolve;
    });
    this.#subscription = system.subscribe(name, this.uplink, {
      joined: (recovered) => {
        this.#joined(recovered);
        enter();
      },
      received: (text) => this.#received(text),
    });
  }

  beginCuts({ cutEveryMs, awayMs }: SwarmPlan): void {
    const cut = (): void => {
      if (this.uplink.cut()) this.cuts += 1;
      this.#timers = [setTimeout(() => this.uplink.mend(), awayMs), setTimeout(cut, cutEveryMs)];
    };
    this.#timers = [setTimeout(cut, Math.random() * cutEveryMs)];
  }

  /** Ends the cuts; the network is there again. */
  endCuts(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.uplink.mend();
  }

  close(): void {
    this.endCuts();
    this.#subscription.close();
    this.uplink.destroy();
  }

  #joined(recovered: boolean | undefined): void {
    this.joins += 1;
    if (recovered) this.recovered += 1;
    else if (this.joins > 1) this.unrecovered += 1;
  }

  #received(text: string): void {
    const [number = 0, sentAt = 0] = text.split(' ').map(Number);
    this.ledger.receive(number);
    (sentAt < this.uplink.connectedAt ? this.replayed : this.live).push(Date.now() - sentAt);
  }
}

/** Publishes `<number> <when>` at a steady rate, whatever each takes. Resolves with how many the server has. */
async function publishAll(publisher: Publisher, plan: SwarmPlan): Promise<number> {
  const count = Math.round((plan.durationMs / 1_000) * plan.messagesPerSecond);
  const startedAt = Date.now();
  const acknowledged: Promise<unknown>[] = [];
  for (let number = 1; number <= count; number += 1) {
    acknowledged.push(publisher.publish(`${number} ${Date.now()}`));
    await delay(Math.max(0, startedAt + (number * 1_000) / plan.messagesPerSecond - Date.now()));
  }
  await Promise.all(acknowledged);
  return count;
}

function reportOf(members: readonly Member[], published: number): SwarmReport {
  const sum = (count: (member: Member) => number): number =>
    members.reduce((total, member) => total + count(member), 0);
  return {
    published,
    expected: published * members.length,
    ...sumOf(
      members.map(({ ledger }) => ledger),
      published,
    ),
    cuts: sum(({ cuts }) => cuts),
    attempts: sum(({ uplink }) => uplink.attempts.length),
    joins: sum(({ joins }) => joins),
    recovered: sum(({ recovered }) => recovered),
    unrecovered: sum(({ unrecovered }) => unrecovered),
    live: latencyOf(members.flatMap(({ live }) => live)),
    replayed: latencyOf(members.flatMap(({ replayed }) => replayed)),
  };
}

function latencyOf(samples: number[]): Latency {
  samples.sort((a, b) => a - b);
  const at = (share: number): number => samples[Math.max(0, Math.ceil(samples.length * share) - 1)] ?? 0;
  return { count: samples.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

async function refuseAfter(timeoutMs: number, members: readonly Member[]): Promise<never> {
  await delay(timeoutMs, undefined, { ref: false });
  const missing = members.filter(({ joins }) => joins === 0).length;
  throw new Error(`expected ${members.length} clients in the room, ${missing} were not after ${timeoutMs} ms`);
}
