import type { PublishResult } from '../rooms/publisher.js';
import type { Room } from '../rooms/room.js';

/** What belongs to one frame while its handler runs. It travels as an argument of the handler's pipeline. */
export class FrameContext {
  /** The room that the frame is for, acting in the sender's name. */
  room: Room | undefined;
  /** The first publish that the handler made through {@link room}; its offset is in the `ack` (CL2). */
  firstResult: PublishResult | undefined;
  /** Publishes that are not settled. */
  unsettled = 0;
  private failure: { readonly error: unknown } | undefined;
  private count = 0;
  private onSettled: (() => void) | undefined;

  constructor(
    readonly type: string,
    readonly id: string | undefined,
    /** Released when the frame's publish is with the broker: the next frame of the sender may start (OR3). */
    private readonly turn: { release(): void } | undefined,
  ) {}

  /** Notes what went wrong; the first error counts. */
  fail(error: unknown): void {
    this.failure ??= { error };
  }

  /** What went wrong, if anything did. */
  get failed(): { readonly error: unknown } | undefined {
    return this.failure;
  }

  /** The number of the next publish: 1, 2, … */
  nextPublish(): number {
    this.count += 1;
    return this.count;
  }

  /** Follows a publish: the frame is not answered before it is settled. */
  track(publish: Promise<PublishResult>, isFirst: boolean): void {
    this.unsettled += 1;
    publish.then(
      (result) => {
        if (isFirst) this.firstResult = result;
        this.publishSettled();
      },
      (error: unknown) => {
        this.fail(error);
        this.publishSettled();
      },
    );
  }

  /** The publish is with the broker. */
  handedOver(): void {
    this.turn?.release();
  }

  /** Resolves when every publish of the frame is settled, those included that the handler did not wait for. */
  async settled(): Promise<void> {
    while (this.unsettled > 0) await new Promise<void>((resolve) => (this.onSettled = resolve));
  }

  private publishSettled(): void {
    this.unsettled -= 1;
    if (this.unsettled === 0) this.onSettled?.();
  }
}

/** Finds the frame among the arguments of its handler's pipeline. */
export function frameContextOf(args: readonly unknown[]): FrameContext | undefined {
  return args.find((arg): arg is FrameContext => arg instanceof FrameContext);
}
