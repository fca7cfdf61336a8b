import type { PublishResult } from '../rooms/publisher.js';
import type { Room } from '../rooms/room.js';

/** What belongs to one frame while its handler runs. It travels as an argument of the handler's pipeline. */
export class FrameContext {
  /** The room that the frame is for, acting in the sender's name. */
  room: Room | undefined;
  /** The first publish that the handler made through {@link room}; its offset is in the `ack` (CL2). */
  firstResult: PublishResult | undefined;
  private failure: { readonly error: unknown } | undefined;
  private readonly publishes: Promise<unknown>[] = [];
  private count = 0;

  constructor(
    readonly type: string,
    readonly id: string | undefined,
    /** Called once when the frame's publish is with the broker: the next frame of the sender may start (OR3). */
    private readonly onHanded: () => void,
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
    this.publishes.push(
      publish.then(
        (result) => {
          if (isFirst) this.firstResult = result;
        },
        (error: unknown) => this.fail(error),
      ),
    );
  }

  /** The publish is with the broker. */
  handedOver(): void {
    this.onHanded();
  }

  /** Resolves when every publish of the frame is settled, those included that the handler did not wait for. */
  async settled(): Promise<void> {
    let seen = -1;
    while (seen !== this.publishes.length) {
      seen = this.publishes.length;
      await Promise.all(this.publishes);
    }
  }
}

/** Finds the frame among the arguments of its handler's pipeline. */
export function frameContextOf(args: readonly unknown[]): FrameContext | undefined {
  return args.find((arg): arg is FrameContext => arg instanceof FrameContext);
}
