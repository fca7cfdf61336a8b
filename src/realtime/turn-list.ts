import { throwUncaught } from './throw-uncaught.js';

/**
 * What is gathered in a turn of the event loop and gone through at its end, or in a microtask. The lists stay as long as
 * they ever were: one that grows anew each turn is garbage each turn.
 */
export class TurnList<Item> {
  private items: (Item | undefined)[] = [];
  private others: (Item | undefined)[] = [];
  private count = 0;

  /** @returns whether it is the first one. */
  add(item: Item): boolean {
    this.items[this.count] = item;
    this.count += 1;
    return this.count === 1;
  }

  /**
   * Visits all, in the order of `add`, and lets go of them; what is added meanwhile waits for the next time. One for which
   * the visit throws costs the others nothing, and is not swallowed.
   */
  visit(one: (item: Item) => void): void {
    const { items, count } = this;
    this.items = this.others;
    this.others = items;
    this.count = 0;
    for (let i = 0; i < count; i += 1) {
      const item = items[i]!;
      items[i] = undefined;
      try {
        one(item);
      } catch (error) {
        throwUncaught(error);
      }
    }
  }
}
