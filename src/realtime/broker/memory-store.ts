import { throwUncaught } from '../throw-uncaught.js';
import { TurnList } from '../turn-list.js';
import { SystemClock } from '../clock.js';
import type { Clock } from '../clock.js';
import type {
  Ancestor,
  BrokerMessage,
  HistoryPage,
  HistoryRange,
  LatestPage,
  LatestRange,
  Position,
  PublishOptions,
  PublishResult,
} from './broker.js';
import { ExpiringRoom, ExpiringRooms } from './expiring-rooms.js';
import { FrameLog } from './frame-log.js';
import { MemoryLatest, newEpoch } from './memory-latest.js';

export interface MemoryStoreOptions {
  /** Frames kept per room. 0: no limit but the time. */
  readonly historySize: number;
  /** How long a room's frames are kept after its last one. 0: no limit. */
  readonly historyTtlMs: number;
  /** How long a dedupe key is remembered. */
  readonly dedupeTtlMs: number;
  /** Default: the clock of the machine. */
  readonly clock?: Clock | undefined;
}

export type StoreListener = (message: BrokerMessage) => void;

const NO_ANCESTORS: readonly Ancestor[] = [];

class StoredRoom extends ExpiringRoom {
  epoch = newEpoch();
  top = 0;
  ancestors = NO_ANCESTORS;
  /** There is none before the first frame is stored. */
  log: FrameLog | undefined;

  clear(): void {
    this.log = undefined;
  }
}

interface FirstPublish {
  readonly key: string;
  readonly offset: number;
  readonly epoch: string;
  readonly expiresAt: number;
  /** The one that came after it. */
  next: FirstPublish | undefined;
}

interface Delivery {
  readonly subscriptions: Subscriptions;
  readonly message: BrokerMessage;
}

/** One, which is what nearly every room has, or a list. No `Few`: that one changes its Set under messages on their way. */
type Subscriptions = Subscription | readonly Subscription[];

interface Subscription {
  /** Whose it is. */
  readonly pod: object;
  /** What hears the messages; `undefined`: it was ended. */
  listener: StoreListener | undefined;
}

const ROOM_TTL_MS = 30 * 86_400_000;
const MAX_ANCESTORS = 16;
const DONE = Promise.resolve();

/**
 * What Redis is to `RedisBroker`, for brokers of one process: numbers, keeps, deduplicates and delivers. Several brokers
 * that share one are several pods.
 *
 * Nothing is cleaned up by timers: each use takes away what has expired at the front of queues that are ordered by time,
 * linked lists: the first entry of a Map is behind all that were deleted before it. A room that nobody used for 30 days is
 * forgotten, as in Redis; one that comes back then begins a new epoch. Without a limit in time for the history no room is
 * forgotten.
 */
export class MemoryStore {
  private readonly rooms: ExpiringRooms<StoredRoom>;
  private readonly firsts = new Map<string, FirstPublish>();
  /** The ends of the list of them, which is in the order of their expiry. */
  private oldestFirst: FirstPublish | undefined;
  private newestFirst: FirstPublish | undefined;
  /** Lists that are never changed: a message on its way goes to those who were subscribed when it was published. */
  private readonly subscriptions = new Map<string, Subscriptions>();
  private readonly latestRooms: MemoryLatest;
  private readonly clock: Clock;
  private readonly deliveries = new TurnList<Delivery>();
  /** Bound: promises get it. */
  private readonly deliverAll = (): void => this.deliveries.visit(tellAll);

  constructor(private readonly options: MemoryStoreOptions) {
    this.clock = options.clock ?? new SystemClock();
    const lifetimes = { historyTtlMs: options.historyTtlMs, roomTtlMs: ROOM_TTL_MS };
    this.rooms = new ExpiringRooms(lifetimes, (address) => new StoredRoom(address));
    this.latestRooms = new MemoryLatest(lifetimes);
  }

  publish(address: string, payload: Buffer, options: PublishOptions): PublishResult {
    const { store, dedupeKey, except, key } = options;
    const now = this.cleanUp();
    const firstKey = dedupeKey === undefined ? undefined : `${address}\n${dedupeKey}`;
    const first = firstKey === undefined ? undefined : this.firsts.get(firstKey);
    if (first) return { offset: first.offset || undefined, epoch: first.epoch, duplicate: true };
    const message =
      key === undefined
        ? this.append(address, payload, store, except, now)
        : this.latestRooms.publish(address, key, payload, now);
    const { epoch } = message;
    const offset = key === undefined ? message.offset : 0;
    if (firstKey !== undefined) this.remember(firstKey, offset, epoch, now + this.options.dedupeTtlMs);
    this.deliver(address, message);
    return { offset: offset || undefined, epoch, duplicate: false };
  }

  /** Delivers to a pod what is published after this call. One that is subscribed gets another listener. */
  subscribe(pod: object, address: string, listener: StoreListener): void {
    const all = allOf(this.subscriptions.get(address));
    const known = all.find((subscription) => subscription.pod === pod);
    if (known) {
      known.listener = listener;
      return;
    }
    const added: Subscription = { pod, listener };
    this.subscriptions.set(address, all.length === 0 ? added : [...all, added]);
  }

  /** Delivers nothing more to a pod, not even what is on its way. */
  unsubscribe(pod: object, address: string): void {
    const all = allOf(this.subscriptions.get(address));
    const ended = all.find((subscription) => subscription.pod === pod);
    if (!ended) return;
    ended.listener = undefined;
    const others = all.filter((subscription) => subscription !== ended);
    if (others.length === 0) this.subscriptions.delete(address);
    else this.subscriptions.set(address, others);
  }

  /** {@link unsubscribe} from every address. */
  unsubscribeAll(pod: object): void {
    for (const address of this.subscriptions.keys()) this.unsubscribe(pod, address);
  }

  position(address: string): Position {
    return positionOf(this.rooms.use(address, this.cleanUp()));
  }

  history(address: string, range: HistoryRange): HistoryPage {
    const room = this.rooms.use(address, this.cleanUp());
    return { position: positionOf(room), frames: room.log?.read(range) ?? [] };
  }

  latest(address: string, range: LatestRange): LatestPage {
    return this.latestRooms.read(address, range, this.cleanUp());
  }

  latestPosition(address: string): Position {
    return this.latestRooms.position(address, this.cleanUp());
  }

  clearHistory(address: string): void {
    const room = this.rooms.find(address);
    if (room) this.rooms.clear(room);
  }

  /**
   * Begins an epoch, as a failover does that lost every frame above `survivingTop`. Default: none was lost. For tests.
   */
  beginEpoch(address: string, survivingTop: number = Number.POSITIVE_INFINITY): void {
    const now = this.clock.now();
    this.latestRooms.beginEpoch(address, survivingTop, now);
    const room = this.rooms.use(address, now);
    const top = Math.min(room.top, survivingTop);
    room.ancestors = [{ epoch: room.epoch, top }, ...room.ancestors].slice(0, MAX_ANCESTORS);
    room.epoch = newEpoch();
    room.top = top;
    room.log?.truncate(top);
  }

  /** How many rooms, retained frames' rooms and dedupe keys it holds: what a test of leaks looks at. */
  get size(): { readonly rooms: number; readonly retaining: number; readonly dedupeKeys: number } {
    const { rooms, retaining } = this.rooms.size;
    const latest = this.latestRooms.size;
    return {
      rooms: rooms + latest.rooms,
      retaining: retaining + latest.retaining,
      dedupeKeys: this.firsts.size,
    };
  }

  private append(
    address: string,
    payload: Buffer,
    store: boolean,
    except: string | undefined,
    now: number,
  ): BrokerMessage {
    const room = this.rooms.use(address, now);
    if (!store) return { payload, epoch: room.epoch, offset: 0, except };
    const offset = (room.top += 1);
    room.log ??= new FrameLog(this.options.historySize);
    room.log.append(offset, payload);
    this.rooms.retain(room, now);
    return { payload, epoch: room.epoch, offset, except: undefined };
  }

  /** @returns the time. */
  private cleanUp(): number {
    const now = this.clock.now();
    this.forgetFirsts(now);
    this.latestRooms.cleanUp(now);
    this.rooms.expire(now);
    return now;
  }

  private remember(key: string, offset: number, epoch: string, expiresAt: number): void {
    const first: FirstPublish = { key, offset, epoch, expiresAt, next: undefined };
    this.firsts.set(key, first);
    if (this.newestFirst) this.newestFirst.next = first;
    else this.oldestFirst = first;
    this.newestFirst = first;
  }

  private forgetFirsts(now: number): void {
    while (this.oldestFirst && this.oldestFirst.expiresAt <= now) {
      this.firsts.delete(this.oldestFirst.key);
      this.oldestFirst = this.oldestFirst.next;
    }
    if (!this.oldestFirst) this.newestFirst = undefined;
  }

  /** Never within the call that published, always in the order of the publishes, to those who were subscribed then. */
  private deliver(address: string, message: BrokerMessage): void {
    const subscriptions = this.subscriptions.get(address);
    if (!subscriptions) return;
    // A microtask all the same, without the AsyncResource that queueMicrotask makes for each.
    if (this.deliveries.add({ subscriptions, message })) void DONE.then(this.deliverAll);
  }
}

function allOf(subscriptions: Subscriptions | undefined): readonly Subscription[] {
  if (subscriptions === undefined) return [];
  return 'pod' in subscriptions ? [subscriptions] : subscriptions;
}

function tellAll({ subscriptions, message }: Delivery): void {
  if ('pod' in subscriptions) tell(subscriptions, message);
  else for (const subscription of subscriptions) tell(subscription, message);
}

function tell({ listener }: Subscription, message: BrokerMessage): void {
  try {
    listener?.(message);
  } catch (error) {
    throwUncaught(error); // Others get the message all the same.
  }
}

function positionOf({ epoch, top, log, ancestors }: StoredRoom): Position {
  return { epoch, top, oldest: top + 1 - (log?.length ?? 0), ancestors: [...ancestors] };
}
