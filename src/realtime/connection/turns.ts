/** Lets those who want the same thing have it one after the other, in the order in which they asked. */
export class Turns {
  /** `undefined`: nobody has a turn. */
  private last: Promise<unknown> | undefined;
  private taken = 0;

  /** Whether whoever asks now has its turn at once. */
  get idle(): boolean {
    return this.taken === 0;
  }

  /** Does the work when it is its turn; the next turn begins when the work has settled. Settles as the work does. */
  take<Result>(work: () => Promise<Result>): Promise<Result> {
    this.taken += 1;
    const turn = (this.last ?? Promise.resolve()).then(work).finally(() => {
      this.taken -= 1;
      if (this.taken === 0) this.last = undefined;
    });
    this.last = turn.catch(() => undefined); // Told to whoever took the turn.
    return turn;
  }
}
