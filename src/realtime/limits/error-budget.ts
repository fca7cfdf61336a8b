const WINDOW_MS = 60_000;
/** Up to so many moments stand in a list that is as long as they are. */
const FEW = 4;

/** Counts what one connection may do so many times within 60 s: faulty frames (CL5), pings. */
export class ErrorBudget {
  /** Made when it is needed: most connections never spend anything. */
  private times: number[] | undefined;

  /** @param limit How many are borne; 0: any number. */
  constructor(private readonly limit: number) {}

  /** Counts one. @returns whether it was one too many. */
  spend(now: number): boolean {
    if (this.limit === 0) return false;
    const times = (this.times ??= []);
    while ((times[0] ?? now) <= now - WINDOW_MS) times.shift();
    if (times.length >= this.limit) return true; // Not noted: who goes on after one too many has nothing more to lose.
    // `push` would make room for 17: most connections answer a ping now and then, and nothing else.
    if (times.length < FEW) this.times = times.concat(now);
    else times.push(now);
    return false;
  }
}
