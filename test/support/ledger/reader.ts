import { parseCursor } from '../../../src/protocol/index.js';
import type { LedgerEntry } from './entries.js';
import type { StoredRoom } from './numbering.js';
import type { Survival } from './survival.js';

type Of<Kind extends LedgerEntry['kind']> = Extract<LedgerEntry, { kind: Kind }>;

/** What is known of a room by all who were in it. */
export interface RoomKnowledge {
  readonly room: string;
  readonly stored: StoredRoom;
  readonly survival: Survival;
  /** What was sent, by id. */
  readonly texts: ReadonlyMap<string, string>;
  /** Ids that were acknowledged, by offset; in different lives of the room there may be more than one. */
  readonly acknowledged: ReadonlyMap<number, readonly string[]>;
  /** Ids that somebody saw, by epoch and offset. */
  readonly witnessed: Map<string, { readonly id: string; readonly client: string }>;
}

/**
 * One client in one room: takes what it was told, in order, and finds the first thing that is wrong with it. What it sees
 * between two gaps must go on without a hole, and be what others saw at the same place; what it saw since the last gap
 * must be what is stored.
 */
export class Reader {
  #at: number | undefined;
  #epoch = '';
  /** Since the last gap. */
  #stretch: Of<'seen'>[] = [];
  readonly #seen = new Set<string>();
  /** Offsets that its application was not shown: before the last gap, and since. */
  readonly #closedHoles: { readonly epoch: string; readonly offset: number }[] = [];
  #holes: { readonly epoch: string; readonly offset: number }[] = [];
  #fault: string | undefined;

  constructor(
    readonly client: string,
    private readonly known: RoomKnowledge,
  ) {}

  take(entry: Of<'joined'> | Of<'seen'> | Of<'gap'>): void {
    if (this.#fault) return;
    const wrong =
      entry.kind === 'joined'
        ? this.#takeJoined(entry)
        : entry.kind === 'gap'
          ? this.#takeGap(entry)
          : this.#takeSeen(entry);
    if (wrong) this.#fault = `${this.client} in ${this.known.room}: ${wrong}`;
  }

  /** The first thing that is wrong; `undefined`: nothing is. To be asked when every reader has taken everything. */
  verdict(): string | undefined {
    if (this.#fault) return this.#fault;
    const wrong = this.#wrongWithHoles() ?? this.#wrongWithStretch() ?? this.#wrongWithEnd();
    return wrong && `${this.client} in ${this.known.room}: ${wrong}`;
  }

  #takeJoined({ cursor: text, recovered }: Of<'joined'>): string | undefined {
    const cursor = parseCursor(text);
    if (!cursor) return `it joined at ${text}`;
    if (recovered === false && this.#at !== undefined) return undefined; // The gap follows, and has where it was before.
    if (this.#at !== undefined && cursor.offset < this.#at) {
      return `it was at ${this.#at} and is told to go on at ${text}, without a gap`;
    }
    if (this.#at !== undefined) this.#skipTo(cursor.offset);
    const last = this.#stretch.at(-1);
    this.#at = cursor.offset;
    const changed = this.#epoch !== cursor.epoch;
    this.#epoch = cursor.epoch;
    // What it saw last is said to be the same in the new epoch.
    return changed && last?.offset === cursor.offset ? this.#witness(last) : undefined;
  }

  #takeGap({ seen: before, cursor: text }: Of<'gap'>): string | undefined {
    const [seen, cursor] = [before === undefined ? undefined : parseCursor(before), parseCursor(text)];
    if (!cursor) return `it was told of a gap up to ${text}`;
    const survived = seen && this.known.survival.highest(seen.epoch, cursor.epoch);
    if (seen && survived !== undefined && seen.offset <= survived) {
      return `it was told of a gap after ${before}, to ${text}, and nothing that it had seen was lost`;
    }
    this.#closedHoles.push(...this.#holes);
    [this.#holes, this.#stretch] = [[], []];
    this.#at = cursor.offset;
    this.#epoch = cursor.epoch;
    return undefined;
  }

  #takeSeen(entry: Of<'seen'>): string | undefined {
    const { id, offset, text } = entry;
    const what = `it saw ${offset} ${named(entry)}`;
    if (this.#at === undefined) return `${what} before it was in the room`;
    if (this.known.texts.get(id) !== text) return `after ${this.#at} ${what}, which nobody sent so`;
    if (this.#seen.has(id)) return `${what} twice`;
    if (offset <= this.#at) return `after ${this.#at} ${what}, out of order`;
    this.#skipTo(offset - 1);
    this.#at = offset;
    this.#seen.add(id);
    this.#stretch.push(entry);
    return this.#witness(entry);
  }

  #skipTo(offset: number): void {
    for (let next = this.#at! + 1; next <= offset; next += 1) this.#holes.push({ epoch: this.#epoch, offset: next });
  }

  /** Two see the same at the same place, or one of them is deceived. */
  #witness({ id, offset, text }: Of<'seen'>): string | undefined {
    const place = `${this.#epoch}.${offset}`;
    const before = this.known.witnessed.get(place);
    if (!before) this.known.witnessed.set(place, { id, client: this.client });
    if (!before || before.id === id) return undefined;
    return `it has ${named({ id, text })} at ${place}, where ${before.client} has ${this.#nameOf(before.id)}`;
  }

  /** An application is not shown again what it has seen in another epoch (RC6); nothing else may be left out. */
  #wrongWithHoles(): string | undefined {
    const { stored, witnessed, acknowledged } = this.known;
    for (const { epoch, offset } of this.#closedHoles) {
      const witness = witnessed.get(`${epoch}.${offset}`);
      const ids = witness ? [witness.id] : (acknowledged.get(offset) ?? []);
      if (!ids.some((id) => this.#seen.has(id))) return `${this.#nameAt(offset, ids[0])} was lost, in epoch ${epoch}`;
    }
    for (const { offset } of this.#holes) {
      const id = stored.frames.get(offset)?.id;
      if (id === undefined || !this.#seen.has(id)) return `${this.#nameAt(offset, id)} was lost`;
    }
    return undefined;
  }

  #wrongWithStretch(): string | undefined {
    for (const entry of this.#stretch) {
      const id = this.known.stored.frames.get(entry.offset)?.id;
      if (id === entry.id) continue;
      return `it saw ${entry.offset} ${named(entry)}, stored is ${this.#nameAt(entry.offset, id)}, and it was told of no gap`;
    }
    return undefined;
  }

  #wrongWithEnd(): string | undefined {
    const { frames, top } = this.known.stored;
    if (this.#at === undefined) return undefined;
    for (let offset = this.#at + 1; offset <= top; offset += 1) {
      const id = frames.get(offset)?.id;
      if (id !== undefined && this.#seen.has(id)) continue;
      return `it saw nothing after ${this.#at}, lost are ${top - offset + 1} frames from ${this.#nameAt(offset, id)} on`;
    }
    return undefined;
  }

  #nameAt(offset: number, id: string | undefined): string {
    return `${offset} ${id === undefined ? '(no frame)' : this.#nameOf(id)}`;
  }

  #nameOf(id: string): string {
    return named({ id, text: this.known.texts.get(id) ?? '' });
  }
}

/** A frame, for people. */
export function named({ id, text }: { readonly id: string; readonly text: string }): string {
  return `"${text.slice(0, 40)}" (${id})`;
}
