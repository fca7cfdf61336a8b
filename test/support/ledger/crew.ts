import { WebSocket } from 'ws';
import { RealtimeClient } from '../../../src/client/index.js';
import type { Tell } from './entries.js';
import { Participant } from './participant.js';
import type { ParticipantPlace, ParticipantSpec } from './participant.js';

/** Participants that run in one place. */
export interface Crew {
  begin(specs: readonly ParticipantSpec[], tell: Tell): Promise<void>;
  talk(): Promise<void>;
  /** Says nothing new from now on. */
  hush(): Promise<void>;
  /** Says one frame more in each room of each. */
  lastWords(): Promise<void>;
  close(): Promise<void>;
}

/** Participants in this process. */
export class NodeCrew implements Crew {
  #participants: Participant[] = [];

  constructor(private readonly token: ParticipantPlace['token']) {}

  async begin(specs: readonly ParticipantSpec[], tell: Tell): Promise<void> {
    const place: ParticipantPlace = { RealtimeClient, WebSocket, token: this.token, tell };
    this.#participants = specs.map((spec) => new Participant(spec, place));
  }

  async talk(): Promise<void> {
    for (const participant of this.#participants) participant.talk();
  }

  async hush(): Promise<void> {
    for (const participant of this.#participants) participant.hush();
  }

  async lastWords(): Promise<void> {
    for (const participant of this.#participants) participant.lastWords();
  }

  async close(): Promise<void> {
    for (const participant of this.#participants) participant.close();
  }
}
