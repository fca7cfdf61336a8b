import type { LedgerEntry, Tell } from './entries.js';
import type { RedisPlace } from './redis-place.js';

/** What Redis has of a room when everything is over. */
export interface StoredRoom {
  readonly epoch: string;
  readonly top: number;
  /** By offset. */
  readonly frames: ReadonlyMap<number, { readonly id: string; readonly text: string }>;
}

/** By room. */
export type RoomTops = ReadonlyMap<string, Pick<StoredRoom, 'epoch' | 'top'>>;
export type StoredRooms = ReadonlyMap<string, StoredRoom>;

type Numbered = Extract<LedgerEntry, { kind: 'numbered' }>;

const EVERY_MS = 500;

/**
 * Looks again and again at the numbering of rooms, in Redis itself and not as pods see it, and tells each epoch that it
 * finds.
 */
export class NumberingWatch {
  readonly #known = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(
    private readonly redis: RedisPlace,
    private readonly rooms: readonly string[],
    private readonly tell: Tell,
  ) {
    this.#look();
  }

  async close(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #look(): void {
    this.#looking = Promise.allSettled(this.rooms.map((room) => this.#lookAt(room))).then(() => {
      if (!this.#ended) this.#timer = setTimeout(() => this.#look(), EVERY_MS);
    });
  }

  /** Rejects where Redis is away: what it had then, its successor tells. */
  async #lookAt(room: string): Promise<void> {
    const numbered = await numberingOf(this.redis, room);
    if (!numbered || this.#known.get(room) === numbered.epoch) return;
    this.#known.set(room, numbered.epoch);
    this.tell(numbered);
  }
}

/** Reads how far the numbering of these rooms is, in Redis itself. */
export async function readTops(redis: RedisPlace, rooms: readonly string[]): Promise<RoomTops> {
  const read = await Promise.all(rooms.map(async (room) => [room, await readMetadata(redis, room)] as const));
  return new Map(read.flatMap(([room, metadata]) => (metadata ? [[room, metadata] as const] : [])));
}

/** Reads everything that Redis has of these rooms. */
export async function readRooms(redis: RedisPlace, rooms: readonly string[]): Promise<StoredRooms> {
  return new Map(await Promise.all(rooms.map(async (room) => [room, await readRoom(redis, room)] as const)));
}

async function readRoom(redis: RedisPlace, room: string): Promise<StoredRoom> {
  const key = `rookery:{chat/${room}}:s`;
  const owner = await redis.ownerOf(key);
  const entries = (await owner.command('XRANGE', key, '-', '+')) as [string, [string, string]][];
  const frames = entries.map(([entryId, [, payload]]) => {
    const { id = '', text = '' } = JSON.parse(payload) as { id?: string; text?: string };
    return [Number.parseInt(entryId, 10), { id, text }] as const;
  });
  const { epoch, top } = (await readMetadata(redis, room)) ?? { epoch: '', top: 0 };
  return { epoch, top, frames: new Map(frames) };
}

async function numberingOf(redis: RedisPlace, room: string): Promise<Numbered | undefined> {
  const metadata = await readMetadata(redis, room);
  return metadata && { kind: 'numbered', room, epoch: metadata.epoch, ancestors: metadata.ancestors };
}

async function readMetadata(
  redis: RedisPlace,
  room: string,
): Promise<(Pick<StoredRoom, 'epoch' | 'top'> & Pick<Numbered, 'ancestors'>) | undefined> {
  const key = `rookery:{chat/${room}}:m`;
  const owner = await redis.ownerOf(key);
  const [epoch, top, ancestors] = (await owner.command('HMGET', key, 'e', 'o', 'a')) as (string | null)[];
  if (!epoch) return undefined;
  const pairs = (ancestors ?? '').split(' ').filter(Boolean);
  return {
    epoch,
    top: Number(top ?? 0),
    ancestors: pairs.map((pair) => {
      const [name = '', survived = ''] = pair.split(':');
      return { epoch: name, top: Number(survived) };
    }),
  };
}
