/** Why there is no place. */
export type NoPlace = 'pod' | 'address';

/** A place among the connections of this pod, from the handshake on to the end of the connection. */
export class Place {
  private held = true;

  /** @internal */
  constructor(
    private readonly limits: ConnectionLimits,
    private readonly address: string,
  ) {}

  /** Gives it back. Only the first call counts. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    this.limits.leave(this.address);
  }
}

/**
 * Counts what is connected to this pod, or about to be, in all and per address. A handshake counts from its beginning:
 * a thousand at once never get past a limit of a hundred.
 */
export class ConnectionLimits {
  private total = 0;
  private readonly byAddress = new Map<string, number>();

  /** 0 in either: no limit. */
  constructor(
    private readonly most: number,
    private readonly mostPerAddress: number,
  ) {}

  enter(address: string): Place | NoPlace {
    const here = this.byAddress.get(address) ?? 0;
    if (this.most > 0 && this.total >= this.most) return 'pod';
    if (this.mostPerAddress > 0 && here >= this.mostPerAddress) return 'address';
    this.total += 1;
    this.byAddress.set(address, here + 1);
    return new Place(this, address);
  }

  /** @internal */
  leave(address: string): void {
    const left = (this.byAddress.get(address) ?? 1) - 1;
    this.total -= 1;
    if (left > 0) this.byAddress.set(address, left);
    else this.byAddress.delete(address);
  }
}
