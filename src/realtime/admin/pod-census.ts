import { randomBytes } from 'node:crypto';
import { parseJson } from '../../protocol/codec.js';
import type { Broker } from '../broker/broker.js';
import type { Clock } from '../clock.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { PodFigures } from './pod-figures.js';

/** The pods that answered. */
export interface PodsFound {
  /** By their names; the one that was asked is among them. */
  readonly pods: readonly PodFigures[];
  /** `false`: the others could not be asked, because the broker does not answer. */
  readonly asked: boolean;
}

export interface PodCensusParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  readonly figures: () => Promise<PodFigures>;
}

type Signal =
  | { readonly kind: 'census'; readonly round: string }
  | { readonly kind: 'figures'; readonly round: string; readonly figures: PodFigures };

/** How long pods may take to answer, each after it has asked the broker about its own health. */
const ANSWER_MS = 500;
const MAX_PODS = 1_000;

/** Asks every pod what it does, through the broker. Nobody keeps a list of pods: those that live answer. */
export class PodCensus {
  private readonly rounds = new Map<string, Map<string, PodFigures>>();
  /** Who asks while somebody asks gets the same answer. */
  private asking: Promise<PodsFound> | undefined;

  constructor(private readonly parts: PodCensusParts) {
    parts.broker.onSignal((payload) => this.hear(payload));
  }

  /** Never rejects: where the broker is away, this pod alone is told. */
  ask(): Promise<PodsFound> {
    this.asking ??= this.round().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  private async round(): Promise<PodsFound> {
    const { broker, clock, figures } = this.parts;
    const round = randomBytes(9).toString('base64url');
    const answers = new Map<string, PodFigures>();
    this.rounds.set(round, answers);
    let asked = true;
    try {
      await broker.signal(encode({ kind: 'census', round }));
      await new Promise<void>((resolve) => clock.after(ANSWER_MS, resolve));
    } catch {
      asked = false; // The answer says so.
    } finally {
      this.rounds.delete(round);
    }
    const own = await figures();
    const pods = [...answers.set(own.pod, own).values()].sort((a, b) => (a.pod < b.pod ? -1 : 1));
    return { pods, asked };
  }

  private hear(payload: Buffer): void {
    const signal = parseJson(payload.toString()) as Partial<Signal> | undefined;
    if (signal?.kind === 'census' && typeof signal.round === 'string') {
      if (!this.rounds.has(signal.round)) this.parts.events.watch('answer to a census', this.answer(signal.round));
    } else if (signal?.kind === 'figures' && typeof signal.figures?.pod === 'string') {
      const answers = this.rounds.get(signal.round ?? '');
      if (answers && answers.size < MAX_PODS) answers.set(signal.figures.pod, signal.figures);
    }
  }

  private async answer(round: string): Promise<void> {
    await this.parts.broker.signal(encode({ kind: 'figures', round, figures: await this.parts.figures() }));
  }
}

function encode(signal: Signal): Buffer {
  return Buffer.from(JSON.stringify(signal));
}
