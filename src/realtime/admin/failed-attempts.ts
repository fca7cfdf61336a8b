const WINDOW_MS = 60_000;
const MAX_PER_WINDOW = 5;
/** Addresses that are counted; above that, all others count as one. */
const MAX_ADDRESSES = 10_000;
const ALL_OTHERS = '';

/** Counts failed attempts by address, in windows of a minute. What it holds is bounded, however many addresses come. */
export class FailedAttempts {
  private readonly counts = new Map<string, number>();
  private windowEndsAt = 0;

  /** Counts one. @returns 0, or where it was one too many, how many milliseconds to wait. */
  count(address: string, now: number): number {
    if (now >= this.windowEndsAt) {
      this.counts.clear();
      this.windowEndsAt = now + WINDOW_MS;
    }
    const known = this.counts.has(address) || this.counts.size < MAX_ADDRESSES;
    const name = known ? address : ALL_OTHERS;
    const failed = (this.counts.get(name) ?? 0) + 1;
    this.counts.set(name, failed);
    return failed > MAX_PER_WINDOW ? this.windowEndsAt - now : 0;
  }
}
