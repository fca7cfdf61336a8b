import { isObservable, lastValueFrom } from 'rxjs';
import type { Traffic } from '../traffic.js';
import { CloseCode } from '../../protocol/close-codes.js';
import type { Clock } from '../clock.js';
import type { Connection } from '../connection/connection.js';
import type { RealtimeEvents } from '../realtime.events.js';
import { PublishResult } from '../rooms/publisher.js';
import type { RoomParts } from '../rooms/room.js';
import type { RoomPolicy } from '../auth/room-policy.js';
import { FrameContext } from './frame-context.js';
import { failureOf } from './frame-failure.js';
import { FrameRoom } from './frame-room.js';
import { handlerOf } from './session.js';
import type { Dispatcher, Session } from './session.js';

export interface TextDispatcherParts {
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  readonly rooms: RoomParts;
  readonly policy: () => RoomPolicy;
  readonly traffic: Traffic;
}

/** The handler that gets the messages of a `text` gateway. */
export const TEXT_TYPE = 'message';

/**
 * Takes the messages of a `text` gateway's connections to the handler of `message`, one after the other, and sends what
 * it returns. Errors are close codes. A sender above its rate is read more slowly; nothing it sent is thrown away.
 */
export class TextDispatcher implements Dispatcher {
  /** When the senders that were too fast have paid, by `clock.elapsed()`. */
  private readonly paidAt = new WeakMap<Connection, number>();

  constructor(private readonly parts: TextDispatcherParts) {}

  receive(session: Session, data: Buffer, isBinary: boolean, now: number): void {
    const { connection, limiter, lanes } = session;
    this.parts.traffic.received += 1;
    if (!connection.open) return;
    if (isBinary) return connection.close(CloseCode.unsupportedData);
    const debtMs = limiter.borrow(now);
    if (debtMs > 0) this.slowDown(session, debtMs);
    const text = data.toString();
    lanes.add('', () => this.handle(session, text));
  }

  /** Reading goes on when what was read is paid for, whatever was handled. */
  settled(): void {}

  /** Reads nothing more until what was read is paid for. What `ws` has parsed already still comes, and adds to it. */
  private slowDown({ connection }: Session, debtMs: number): void {
    const waiting = this.paidAt.has(connection);
    this.paidAt.set(connection, this.parts.clock.elapsed() + debtMs);
    connection.pause();
    if (!waiting) this.waitForPayment(connection, debtMs);
  }

  private waitForPayment(connection: Connection, waitMs: number): void {
    const { clock } = this.parts;
    clock.after(waitMs, () => {
      // A timer may come a moment early, and what came meanwhile has put the end off.
      const leftMs = (this.paidAt.get(connection) ?? 0) - clock.elapsed();
      if (leftMs > 0) return this.waitForPayment(connection, leftMs);
      this.paidAt.delete(connection);
      connection.resume(clock.now());
    });
  }

  private async handle(session: Session, text: string): Promise<void> {
    const { connection, pathRoom } = session;
    const handler = handlerOf(session, TEXT_TYPE);
    const context = new FrameContext(TEXT_TYPE, undefined, undefined);
    const member = pathRoom === undefined ? undefined : session.memberships.get(pathRoom);
    const { rooms, policy, events } = this.parts;
    if (member) context.room = new FrameRoom(member.room.at, rooms, context, connection, policy, events);
    let returned: unknown;
    try {
      returned = await handler?.(text, context);
      if (isObservable(returned)) returned = await lastValueFrom(returned, { defaultValue: undefined });
    } catch (error) {
      context.fail(error);
    }
    if (context.unsettled > 0) await context.settled();
    if (!context.failed) {
      try {
        answer(connection, returned);
      } catch (error) {
        context.fail(error); // What the handler returned can't be JSON.
      }
    }
    if (context.failed) this.fail(session, context.failed.error);
  }

  private fail({ connection, pathRoom }: Session, error: unknown): void {
    const { code, unexpected } = failureOf(error);
    this.parts.events.emit('frameFailed', {
      ...connection.facts(pathRoom),
      type: TEXT_TYPE,
      code,
      ...(unexpected ? { error } : {}),
    });
    if (code === 'invalid_payload') connection.close(CloseCode.invalidPayload);
    else if (code === 'unauthenticated' || code === 'forbidden') connection.close(CloseCode.policyViolation, code);
    else if (code === 'unavailable') connection.close(CloseCode.tryAgainLater, 'unavailable');
    else connection.close(CloseCode.internal, 'internal');
  }
}

function answer(connection: Connection, returned: unknown): void {
  if (returned === undefined || returned instanceof PublishResult) return;
  connection.sendText(typeof returned === 'string' ? returned : JSON.stringify(returned));
}
