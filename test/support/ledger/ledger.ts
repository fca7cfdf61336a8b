import { formatCursor, parseCursor } from '../../../src/protocol/index.js';
import type { Cursor } from '../../../src/protocol/index.js';
import type { LedgerEntry } from './entries.js';
import type { RoomTops } from './numbering.js';

/** Everything that was sent, acknowledged and seen in a run, and where each client stands in it now. */
export class Ledger {
  readonly entries: LedgerEntry[] = [];
  readonly #startedAt = Date.now();
  readonly #times: number[] = [];
  readonly #connected = new Set<string>();
  readonly #unsettled = new Set<string>();
  /** How far a client has come, by its name and the room's. */
  readonly #positions = new Map<string, Cursor>();
  readonly #listeners: ((entry: LedgerEntry) => void)[] = [];
  #closed = false;

  /** Takes an entry down. Bound: it is handed to whoever tells. */
  readonly write = (entry: LedgerEntry): void => {
    if (this.#closed) return;
    this.entries.push(entry);
    this.#times.push(Date.now() - this.#startedAt);
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

  /** Says who is not where the numbering of a room is. */
  behind(rooms: RoomTops): string[] {
    const late: string[] = [];
    for (const [place, { epoch, offset }] of this.#positions) {
      const [client, room] = place.split('\n') as [string, string];
      const stored = rooms.get(room);
      if (stored?.epoch === epoch && stored.top === offset) continue;
      late.push(`${client} in ${room} is at ${formatCursor(epoch, offset)} of ${stored?.epoch}.${stored?.top}`);
    }
    return late;
  }

  /** Every entry on a line of its own, with its time in ms, for whoever looks into what went wrong. */
  dump(): string {
    return this.entries.map((entry, nth) => JSON.stringify({ atMs: this.#times[nth], ...entry })).join('\n');
  }

  #follow(entry: LedgerEntry): void {
    if (entry.kind === 'connected') this.#connected.add(entry.client);
    else if (entry.kind === 'disconnected') this.#connected.delete(entry.client);
    else if (entry.kind === 'sent') this.#unsettled.add(entry.id);
    else if (entry.kind === 'rejected') this.#unsettled.delete(entry.id);
    else if (entry.kind === 'acknowledged') this.#unsettled.delete(entry.id);
    else if (entry.kind === 'joined') {
      const cursor = parseCursor(entry.cursor);
      if (cursor) this.#positions.set(placeOf(entry.client, entry.room), cursor);
    } else if (entry.kind === 'seen') {
      const place = placeOf(entry.client, entry.room);
      this.#positions.set(place, { epoch: this.#positions.get(place)?.epoch ?? '', offset: entry.offset });
    }
  }
}

function placeOf(client: string, room: string): string {
  return `${client}\n${room}`;
}
