/** Lets those who want the same thing have it one after the other, in the order in which they asked. */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();
  private taken = 0;

  /** Whether whoever asks now has its turn at once. */
  get idle(): boolean {
    return this.taken === 0;
  }

  /** Does the work when it is its turn; the next turn begins when the work has settled. Settles as the work does. */
  take<Result>(work: () => Promise<Result>): Promise<Result> {
    this.taken += 1;
    const turn = this.last.then(work).finally(() => {
      this.taken -= 1;
    });
    this.last = turn.catch(() => undefined); // Told to whoever took the turn.
    return turn;
  }
}
