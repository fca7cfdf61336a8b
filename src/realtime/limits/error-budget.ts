const WINDOW_MS = 60_000;

/** Counts what one connection may do so many times within 60 s: faulty frames (CL5), pings. */
export class ErrorBudget {
  /** Made when it is needed: most connections never spend anything. */
  private times: number[] | undefined;

  /** @param limit How many are borne; 0: any number. */
  constructor(private readonly limit: number) {}

  /** Counts one. @returns whether it was one too many. */
  spend(now: number): boolean {
    if (this.limit === 0) return false;
    const recent = this.times?.filter((time) => time > now - WINDOW_MS) ?? [];
    this.times = recent.concat(now); // As long as it is: whoever answers a ping now and then would have room for 17.
    return this.times.length > this.limit;
  }
}
