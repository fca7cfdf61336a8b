/** A place in a {@link TimeQueue}; what it is the place of extends it. It stands there or not. */
export class TimedPlace {
  /** When it was last put at the end. */
  at = 0;
  /** @internal */
  before: this | undefined;
  /** @internal */
  after: this | undefined;
  /** @internal */
  stands = false;
}

/**
 * Things in the order of the moments at which they were last touched. To touch one costs the same however many there are: a
 * Map would delete and set it, and tidy itself up each time it is full of what was deleted.
 */
export class TimeQueue<Place extends TimedPlace> {
  /** How many stand in it. */
  size = 0;
  private first: Place | undefined;
  private last: Place | undefined;

  /** Puts a thing at the end, wherever it stands. */
  touch(place: Place, now: number): void {
    place.at = now;
    if (this.last === place) return;
    if (place.stands) this.remove(place);
    place.before = this.last;
    if (this.last) this.last.after = place;
    else this.first = place;
    this.last = place;
    place.stands = true;
    this.size += 1;
  }

  /** Takes a thing out, if it is in. */
  remove(place: Place): void {
    if (!place.stands) return;
    const { before, after } = place;
    if (before) before.after = after;
    else this.first = after;
    if (after) after.before = before;
    else this.last = before;
    place.before = undefined;
    place.after = undefined;
    place.stands = false;
    this.size -= 1;
  }

  /** Takes out the one that was touched longest ago, if that was not after `until`. */
  takeUntil(until: number): Place | undefined {
    const { first } = this;
    if (!first || first.at > until) return undefined;
    this.remove(first);
    return first;
  }
}
