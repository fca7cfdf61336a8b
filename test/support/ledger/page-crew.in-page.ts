import type { RealtimeClient } from '../../../src/client/index.js';
import type { LedgerEntry } from './entries.js';
import { Participant } from './participant.js';
import type { ParticipantSpec } from './participant.js';

declare const ledgerToken: (name: string, livesMs: number) => Promise<string>;
declare const ledgerTell: (entries: readonly LedgerEntry[]) => Promise<void>;

/** Where the server has the client for pages. */
const CLIENT = '/rookery-client.js';

/** The part of {@link PageCrew} that runs in the page: the participants, and what carries their entries out in order. */
export class CrewInPage {
  #participants: Participant[] = [];
  #untold: LedgerEntry[] = [];
  #telling = false;

  async begin(specs: readonly ParticipantSpec[]): Promise<void> {
    const client = (await import(CLIENT)) as { RealtimeClient: typeof RealtimeClient };
    const place = {
      RealtimeClient: client.RealtimeClient,
      WebSocket,
      token: ledgerToken,
      tell: (entry: LedgerEntry) => this.#tell(entry),
    };
    this.#participants = specs.map((spec) => new Participant(spec, place));
  }

  talk(): void {
    for (const participant of this.#participants) participant.talk();
  }

  hush(): void {
    for (const participant of this.#participants) participant.hush();
  }

  lastWords(): void {
    for (const participant of this.#participants) participant.lastWords();
  }

  /** One call out of the page at a time, with everything that came meanwhile. */
  #tell(entry: LedgerEntry): void {
    this.#untold.push(entry);
    if (!this.#telling) void this.#tellAll();
  }

  async #tellAll(): Promise<void> {
    this.#telling = true;
    while (this.#untold.length > 0) await ledgerTell(this.#untold.splice(0));
    this.#telling = false;
  }
}

export const crew = new CrewInPage();
