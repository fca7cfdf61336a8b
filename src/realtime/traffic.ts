/** What passes through this pod, counted where it passes: plain numbers, because an event for each frame would cost too much. */
export class Traffic {
  /** Frames and texts of clients. */
  received = 0;
  /** Messages of rooms that came from the broker. */
  messages = 0;
  /** Those messages, times the members of this pod that they went to. */
  delivered = 0;
  readonly publishes = new PublishTimes();
}

/** How long publishes take until the broker has them. */
export interface RecentPublishes {
  /** Those of the last minute, at most the last 512. */
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const KEPT = 512;
const RECENT_MS = 60_000;

/** Measures publishes: two numbers for each, in a ring. */
export class PublishTimes {
  count = 0;
  failed = 0;
  /** Told of each that the broker took, in milliseconds. */
  onTaken: (ms: number) => void = () => undefined;
  private readonly tookMs = new Float64Array(KEPT);
  private readonly endedAt = new Float64Array(KEPT);

  /** @param startedAt By `performance.now()`. */
  taken(startedAt: number): void {
    const now = performance.now();
    const place = this.count % KEPT;
    this.count += 1;
    this.tookMs[place] = now - startedAt;
    this.endedAt[place] = now;
    this.onTaken(now - startedAt);
  }

  recent(): RecentPublishes {
    const since = performance.now() - RECENT_MS;
    const kept = this.tookMs.subarray(0, Math.min(this.count, KEPT));
    const sorted = kept.filter((_, i) => (this.endedAt[i] ?? 0) >= since).sort();
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    return { count: sorted.length, p50Ms: rounded(at(0.5)), p99Ms: rounded(at(0.99)) };
  }
}

/** To a microsecond: what is less is noise. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
