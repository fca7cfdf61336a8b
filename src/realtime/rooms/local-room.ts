import { formatCursor } from '../../protocol/cursor.js';
import type { Cursor } from '../../protocol/cursor.js';
import { offsetPrefix } from '../../protocol/codec.js';
import type { Broker, BrokerMessage, HistoryPage, Position } from '../broker/broker.js';
import type { Clock } from '../clock.js';
import type { Connection } from '../connection/connection.js';
import { encodeTextMessage } from '../connection/ws-frame.js';
import type { RealtimeEvents, RepairCause } from '../realtime.events.js';
import { continues, isRecoverable } from '../recovery/cursor-verdict.js';
import type { Traffic } from '../traffic.js';
import type { Address } from './address.js';
import { deliverToAll, FanOut } from './fan-out.js';
import { NOTHING_MORE, REPAIR_PAGE, RoomRepair } from './room-repair.js';
import type { RepairableRoom, RepairStep } from './room-repair.js';

/** A connection in a room. */
export interface Member {
  readonly connection: Connection;
  /** That of the connection. */
  readonly outbox: Connection['outbox'];
  readonly room: LocalRoom;
  /** The room of the connection's path: being kicked from it ends the connection. */
  readonly ofPath: boolean;
  /** Place in `room.members`; -1 while it is not live. */
  index: number;
  /** Epoch and offset up to which it was sent everything; while it is live the room's `top` says it. */
  epoch: string;
  offset: number;
  /** It left, or its connection is gone: whatever works for it stops. */
  gone: boolean;
}

/** The last offset that a member was sent. */
function sentOffset(member: Member): number {
  return member.index >= 0 ? member.room.top : member.offset;
}

export interface LocalRoomParts {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  /** Users in the room over all pods; what a `joined` of its own accord tells. */
  readonly countMembers: (address: string) => Promise<number>;
  readonly traffic: Traffic;
}

/**
 * A room as this pod has it: subscribed, with the position up to which its live members were sent everything.
 *
 * Order: a stored message is delivered only if it is the next one; if it isn't, the room reads what is missing from
 * history before it delivers anything newer (RC4). Members that are still being replayed are not in `members`.
 */
export class LocalRoom implements RepairableRoom {
  /** Members that get what comes, as it comes. Removal swaps with the last one. */
  members: Member[] = [];
  /** Made for the first message: most rooms are the one room of a user, in which nothing happens for long. */
  private fanOut: FanOut | undefined;
  epoch = '';
  /** The offset up to which every live member was sent everything. */
  top = 0;
  private state: 'opening' | 'live' | 'repairing' | 'closed' = 'opening';
  /** A stored message came that this state could not deliver. */
  protected missed = false;
  /** There is one while the state says so. */
  private repairing: RoomRepair | undefined;

  constructor(
    readonly at: Address,
    protected readonly parts: LocalRoomParts,
  ) {}

  /** Subscribes, then reads where the room is: nothing can come between that is not seen. */
  async open(): Promise<void> {
    await this.subscribe();
    await this.begin();
    this.state = 'live';
  }

  async close(): Promise<void> {
    this.state = 'closed';
    this.repairing?.wake();
    await this.parts.broker.unsubscribe(this.at.address);
  }

  /** Whether what comes is delivered as it comes. */
  get live(): boolean {
    return this.state === 'live';
  }

  get closed(): boolean {
    return this.state === 'closed';
  }

  /** After which offset a member begins that brings no cursor. */
  get beginsAt(): number {
    return this.top;
  }

  /** Where a member is, as `joined` tells it. */
  cursorOf(member: Member): string {
    return formatCursor(member.index >= 0 ? this.epoch : member.epoch, sentOffset(member));
  }

  /** A member was told once more that it is in (CL3): it has what it needs. */
  rejoined(_member: Member): void {}

  /** Makes a member one that gets what comes. Its offset must be the room's top. */
  attach(member: Member): void {
    this.fanOut?.end();
    member.index = this.members.length;
    // One that is pushed into an empty list makes it as long as for 17.
    if (member.index === 0) this.members = [member];
    else this.members.push(member);
  }

  detach(member: Member): void {
    const last = this.members.at(-1);
    if (member.index < 0 || last === undefined) return;
    this.fanOut?.end();
    this.members[member.index] = last;
    last.index = member.index;
    this.members.pop();
    member.offset = this.top;
    member.index = -1;
  }

  /** Compares with what the broker says now, and repairs where this pod is behind. */
  check(position: Position): void {
    if (this.state !== 'live' || (position.epoch === this.epoch && position.top === this.top)) return;
    // Read before a message that has come meanwhile. The other way round, a message still on its way, does no harm: the
    // repair finds it first, and it is dropped when it comes.
    if (position.epoch === this.epoch && position.top < this.top) return;
    this.parts.events.watch('repair', this.subscribeAndRepair());
  }

  /** Reads what is missing from history. Resolves when the room is live again, or closed. */
  repair(cause: RepairCause): Promise<void> {
    // Whoever reads at this moment, to open or to repair, may have read too early: it reads once more.
    this.missed = true;
    if (this.state === 'closed' || this.state === 'opening') return Promise.resolve();
    this.state = 'repairing';
    this.repairing ??= new RoomRepair(this, this.parts, cause);
    return this.repairing.done;
  }

  /** A step of a repair. @internal */
  async catchUp(): Promise<RepairStep> {
    this.missed = false;
    const step = await this.readMissed();
    const complete = step.complete && !this.missed;
    if (complete && this.state === 'repairing') {
      this.state = 'live';
      this.repairing = undefined;
    }
    return { ...step, complete };
  }

  /** Resolves when a repair that is under way is over. */
  protected async repaired(): Promise<void> {
    await this.repairing?.done;
  }

  /** Reads the position from which on everything is delivered. */
  protected async begin(): Promise<void> {
    do {
      this.missed = false;
      const [position] = await this.parts.broker.positions([this.at.address]);
      if (position) this.moveTo(position);
    } while (this.missed);
  }

  /** A room that is behind may have lost its channel, alone and without a word: then only frames that have come are repaired. */
  private async subscribeAndRepair(): Promise<void> {
    try {
      await this.subscribe();
    } finally {
      await this.repair('position');
    }
  }

  private subscribe(): Promise<void> {
    // Bound, for a closure would take twice as much, with what it closes over, as long as the room is subscribed.
    return this.parts.broker.subscribe(this.at.address, this.receive.bind(this));
  }

  protected receive(message: BrokerMessage): void {
    const { traffic } = this.parts;
    traffic.messages += 1;
    traffic.delivered += this.members.length;
    if (message.offset === 0) {
      this.deliverUnstored(message);
      return;
    }
    if (this.state !== 'live') {
      this.missed = true;
    } else if (message.epoch === this.epoch && message.offset === this.top + 1) {
      this.deliver(message.offset, message.payload);
    } else if (message.epoch !== this.epoch || message.offset > this.top) {
      this.missed = true;
      this.parts.events.watch('repair', this.repair('gap'));
    }
  }

  private deliver(offset: number, payload: Buffer): void {
    this.top = offset;
    this.deliverToMembers(encodeTextMessage(payload, offsetPrefix(offset)));
  }

  private deliverUnstored({ payload, except }: BrokerMessage): void {
    const message = encodeTextMessage(payload);
    if (except === undefined) this.deliverToMembers(message);
    else deliverToAll(this.members, message, except);
  }

  private deliverToMembers(message: Buffer): void {
    this.fanOut ??= new FanOut();
    this.fanOut.deliver(this.members, message);
  }

  /** Reads what comes next after the top, and delivers it. */
  protected async readMissed(): Promise<RepairStep> {
    const page = await this.parts.broker.history(this.at.address, { since: this.top, ...REPAIR_PAGE });
    const unchanged = page.position.epoch === this.epoch && this.isRepairable(page);
    const members = unchanged ? 0 : await this.countMembers();
    if (this.closed) return NOTHING_MORE;
    const recovered = this.apply(page, members);
    return { frames: page.frames.length, recovered, complete: this.top >= page.position.top };
  }

  /** @returns whether nobody lost anything. */
  private apply(page: HistoryPage, members: number): boolean {
    const { position } = page;
    const repairable = this.isRepairable(page);
    this.noteEpoch(position.epoch, repairable);
    if (!repairable) {
      this.moveTo(position);
      this.tellJoined(false, members);
      return false;
    }
    if (position.epoch !== this.epoch) {
      this.epoch = position.epoch;
      this.tellJoined(true, members);
    }
    for (const frame of page.frames) {
      if (frame.offset === this.top + 1) this.deliver(frame.offset, frame.payload);
    }
    return true;
  }

  private noteEpoch(epoch: string, recovered: boolean): void {
    if (epoch === this.epoch) return;
    this.parts.events.emit('epochBegan', { address: this.at.address, epoch, before: this.epoch, recovered });
  }

  private isRepairable(page: HistoryPage): boolean {
    return isRecoverable(this.cursor, page.position) && continues(this.cursor, page);
  }

  private tellJoined(recovered: boolean, members: number): void {
    if (this.members[0]?.connection.codec !== 'json') return;
    if (!recovered) this.parts.events.emit('gapTold', { address: this.at.address, connections: this.members.length });
    const frame = {
      type: 'joined',
      room: this.at.room,
      cursor: formatCursor(this.epoch, this.top),
      recovered,
      members,
    };
    this.deliverToMembers(encodeTextMessage(Buffer.from(JSON.stringify(frame))));
  }

  private get cursor(): Cursor {
    return { epoch: this.epoch, offset: this.top };
  }

  private moveTo(position: Position): void {
    this.epoch = position.epoch;
    this.top = position.top;
  }

  private async countMembers(): Promise<number> {
    return this.parts.countMembers(this.at.address).catch(() => 0); // Told as it is known; a repair doesn't wait for it.
  }
}
