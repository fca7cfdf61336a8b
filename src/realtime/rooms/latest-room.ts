import { formatCursor } from '../../protocol/cursor.js';
import type { BrokerMessage, Position } from '../broker/broker.js';
import { LatestFrames } from '../broker/latest-frames.js';
import { encodeTextMessage } from '../connection/ws-frame.js';
import { RealtimeUsageError } from '../realtime.errors.js';
import type { Address } from './address.js';
import { deliverToAll } from './fan-out.js';
import { LocalRoom } from './local-room.js';
import type { LocalRoomParts, Member } from './local-room.js';
import { NOTHING_MORE, REPAIR_PAGE } from './room-repair.js';
import type { RepairStep } from './room-repair.js';

/** The cursor of every room of kind `latest`: it has no offsets, and whoever is in has all there is. */
export const LATEST_CURSOR = formatCursor('latest', 0);

export interface LatestRoomParts extends LocalRoomParts {
  /** How much a member is sent before its socket must have drained (RC5). */
  readonly chunk: { readonly limit: number; readonly maxBytes: number };
}

/** Messages that are kept while the room reads; above that it reads once more. */
const MAX_EARLY = 1_000;

/**
 * A room of kind `latest` as this pod has it (OR4): the newest frame of each key, in the order of their versions.
 *
 * Order: of the frames of a key, a member is sent each or a newer one, never an older one after a newer one. `top` and a
 * member's `offset` are versions, which only the store and the pods know.
 *
 * A member whose socket takes no more is not queued for: it falls behind, and when the socket has drained it is sent
 * what is newest by then, chunk by chunk, as is whoever has just joined. So a newer frame of a key takes the place of
 * the one that waited, and stands where it was published; what waits for a member is a chunk at most, and no number of
 * updates makes it a slow reader (CN2).
 */
export class LatestRoom extends LocalRoom {
  private readonly frames = new LatestFrames();
  /** Members that are being sent what is there; they get what comes when they have it. */
  private readonly behind = new Set<Member>();
  /** What came while the room reads. */
  private early: BrokerMessage[] = [];
  private strayTold = false;

  constructor(
    at: Address,
    protected override readonly parts: LatestRoomParts,
  ) {
    super(at, parts);
  }

  override get beginsAt(): number {
    return 0;
  }

  override cursorOf(): string {
    return LATEST_CURSOR;
  }

  /** Sends a member what it has not got of what is there, then lets it get what comes. */
  async show(member: Member): Promise<void> {
    this.behind.add(member);
    while (!member.gone && member.connection.open && !this.closed) {
      if (member.epoch !== this.epoch) {
        member.epoch = this.epoch;
        member.offset = 0;
      }
      if (member.offset !== this.top) {
        await member.connection.replays.take(() => this.sendChunk(member));
      } else if (this.live) {
        this.attach(member);
        break;
      } else {
        await this.repaired();
      }
    }
    this.behind.delete(member);
  }

  /** It is sent everything again: `joined` is followed by what is there, whoever asked for it. */
  override rejoined(member: Member): void {
    if (this.behind.has(member)) member.offset = 0;
    else this.fallBehind(member, 0);
  }

  override check(position: Position): void {
    if (this.live && position.epoch === this.epoch) this.frames.dropBelow(position.oldest);
    super.check(position);
  }

  protected override async begin(): Promise<void> {
    let complete = false;
    while (!complete) {
      this.missed = false;
      const step = await this.readMissed();
      complete = step.complete && !this.missed;
    }
  }

  protected override async readMissed(): Promise<RepairStep> {
    const { position, frames } = await this.parts.broker.latest(this.at.address, { since: this.top, ...REPAIR_PAGE });
    if (this.closed) return NOTHING_MORE;
    if (position.epoch !== this.epoch && this.top > 0) {
      this.beginAnew();
      return { ...NOTHING_MORE, complete: false };
    }
    this.epoch = position.epoch;
    this.frames.dropBelow(position.oldest);
    for (const { offset, key, payload } of frames) this.deliverNewest(offset, key, payload);
    const complete = frames.length === 0 || this.top >= position.top;
    if (complete) {
      this.top = position.top;
      this.takeEarly();
    }
    return { frames: frames.length, recovered: true, complete };
  }

  protected override receive(message: BrokerMessage): void {
    const { traffic, events } = this.parts;
    if (message.offset === 0) {
      super.receive(message);
      if (this.behind.size > 0) deliverToAll([...this.behind], encodeTextMessage(message.payload), message.except);
      return;
    }
    if (message.key === undefined) return this.tellStray();
    traffic.messages += 1;
    traffic.delivered += this.members.length;
    if (!this.live) this.keepEarly(message);
    else if (!this.take(message)) events.watch('repair', this.repair('gap'));
  }

  /** Delivers a message if it is the next one, or known. @returns whether nothing is missing before it. */
  private take({ epoch, offset, key = '', payload }: BrokerMessage): boolean {
    if (epoch !== this.epoch || offset > this.top + 1) return false;
    if (offset === this.top + 1) this.deliverNewest(offset, key, payload);
    return true;
  }

  private keepEarly(message: BrokerMessage): void {
    if (this.early.length < MAX_EARLY) {
      this.early.push(message);
    } else {
      this.early = [];
      this.missed = true;
    }
  }

  private takeEarly(): void {
    for (const message of this.early.splice(0)) {
      if (!this.take(message)) this.missed = true;
    }
  }

  private deliverNewest(offset: number, key: string, payload: Buffer): void {
    const before = this.top;
    this.top = offset;
    this.frames.put({ key, offset, payload: ownCopy(payload) });
    const message = encodeTextMessage(payload);
    for (let i = this.members.length - 1; i >= 0; i -= 1) {
      const member = this.members[i]!;
      if (member.connection.outbox.takes(message.length, this.parts.chunk.maxBytes)) member.connection.deliver(message);
      else this.fallBehind(member, before); // Takes it out of the list; those that the loop has not seen stay where they are.
    }
  }

  private fallBehind(member: Member, sent: number): void {
    this.detach(member);
    member.offset = sent;
    this.parts.events.watch(`frames of ${this.at.address}`, this.show(member));
  }

  /** The store counts anew: what is known here may be newer than what it has. Everybody gets what it has. */
  private beginAnew(): void {
    this.top = 0;
    this.epoch = '';
    this.frames.clear();
    for (const member of [...this.members]) this.fallBehind(member, 0);
  }

  private async sendChunk(member: Member): Promise<void> {
    const { connection } = member;
    await connection.outbox.drained();
    if (member.gone || !connection.open || member.epoch !== this.epoch) return;
    const frames = this.frames.read({ since: member.offset, ...this.parts.chunk });
    member.offset = frames.at(-1)?.offset ?? this.top;
    // Each frame is the whole of it: in the place of the first byte stands the first byte.
    await connection.deliverChunk(frames.map(({ payload }) => ({ payload, prefix: '{' })));
  }

  /** Who publishes without a key knows nothing of the kind of this room. Told once. */
  private tellStray(): void {
    if (this.strayTold) return;
    this.strayTold = true;
    const error = new RealtimeUsageError(
      `${this.at.address} is of kind "latest": expected a key, got a frame without one, which nobody is sent; name the namespace in "latestNamespaces" of the process that publishes`,
    );
    this.parts.events.emit('taskFailed', { task: `delivery in ${this.at.address}`, error });
  }
}

/** What came shares its memory with much else that came; this stays for long. */
function ownCopy(payload: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(payload.length);
  payload.copy(copy);
  return copy;
}
