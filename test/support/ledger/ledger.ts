import { parseCursor } from '../../../src/protocol/index.js';
import type { LedgerEntry } from './entries.js';

/** Everything that was sent, acknowledged and seen in a run, and where each client stands in it now. */
export class Ledger {
  readonly entries: LedgerEntry[] = [];
  readonly #connected = new Set<string>();
  readonly #unsettled = new Set<string>();
  readonly #tops = new Map<string, number>();
  /** Offset up to which a client has come, by its name and the room's. */
  readonly #positions = new Map<string, number>();
  readonly #listeners: ((entry: LedgerEntry) => void)[] = [];
  #closed = false;

  /** Takes an entry down. Bound: it is handed to whoever tells. */
  readonly write = (entry: LedgerEntry): void => {
    if (this.#closed) return;
    this.entries.push(entry);
    this.#follow(entry);
    for (const listener of this.#listeners) listener(entry);
  };

  /** Calls it with each entry that comes from now on. */
  listen(listener: (entry: LedgerEntry) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes down nothing more: what clients tell when they are put away is no part of the run. */
  close(): void {
    this.#closed = true;
  }

  isConnected(client: string): boolean {
    return this.#connected.has(client);
  }

  /** Whether a client was ever in a room. */
  hasJoined(client: string, room: string): boolean {
    return this.#positions.has(placeOf(client, room));
  }

  /** Sends that were neither acknowledged nor rejected so far. */
  get unsettled(): number {
    return this.#unsettled.size;
  }

  /** Says who has not seen the last acknowledged frame of a room yet. */
  behind(): string[] {
    const late: string[] = [];
    for (const [place, position] of this.#positions) {
      const [client, room] = place.split('\n') as [string, string];
      const top = this.#tops.get(room) ?? 0;
      if (position < top) late.push(`${client} in ${room} is at ${position} of ${top}`);
    }
    return late;
  }

  #follow(entry: LedgerEntry): void {
    if (entry.kind === 'connected') this.#connected.add(entry.client);
    else if (entry.kind === 'disconnected') this.#connected.delete(entry.client);
    else if (entry.kind === 'sent') this.#unsettled.add(entry.id);
    else if (entry.kind === 'rejected') this.#unsettled.delete(entry.id);
    else if (entry.kind === 'acknowledged') {
      this.#unsettled.delete(entry.id);
      this.#tops.set(entry.room, Math.max(entry.offset, this.#tops.get(entry.room) ?? 0));
    } else if (entry.kind === 'joined' || entry.kind === 'seen') {
      const offset = entry.kind === 'seen' ? entry.offset : (parseCursor(entry.cursor)?.offset ?? 0);
      const place = placeOf(entry.client, entry.room);
      this.#positions.set(place, Math.max(offset, this.#positions.get(place) ?? 0));
    }
  }
}

function placeOf(client: string, room: string): string {
  return `${client}\n${room}`;
}
