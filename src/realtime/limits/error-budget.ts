const WINDOW_MS = 60_000;

/** Counts the faulty frames of one connection within the last 60 s (CL5). */
export class ErrorBudget {
  private readonly times: number[] = [];

  /** @param limit How many are borne; 0: any number. */
  constructor(private readonly limit: number) {}

  /** Counts one. @returns whether it was one too many. */
  spend(now: number): boolean {
    if (this.limit === 0) return false;
    this.times.push(now);
    while ((this.times[0] ?? now) <= now - WINDOW_MS) this.times.shift();
    return this.times.length > this.limit;
  }
}
