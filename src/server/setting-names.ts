/** A name that isn't known, and the one that was probably meant. */
export interface NearMiss {
  readonly name: string;
  readonly meant: string;
}

/** Slips that still count as the same name. */
const MAX_EDITS = 2;
/** Below this length two slips make another word of its own: `HOME` is no misspelt `HOST`. */
const MIN_LENGTH = 8;

/** Finds among names of an environment those that look like a misspelt one of `known`. */
export function nearMisses(names: readonly string[], known: readonly string[]): NearMiss[] {
  const found: NearMiss[] = [];
  for (const name of names) {
    const meant = known.find((each) => each.length >= MIN_LENGTH && edits(name.toUpperCase(), each) <= MAX_EDITS);
    if (meant !== undefined && name !== meant) found.push({ name, meant });
  }
  return found;
}

/** The known name that needs the fewest edits, if it needs few. */
export function likeliest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = MAX_EDITS + 1;
  for (const each of known) {
    const count = edits(name.toUpperCase(), each);
    if (count < fewest) {
      best = each;
      fewest = count;
    }
  }
  return best;
}

/** Levenshtein's distance: how many letters are put in, taken out or replaced. */
function edits(from: string, to: string): number {
  // A difference in length alone is that many edits, so a longer look can't make it few.
  if (Math.abs(from.length - to.length) > MAX_EDITS) return MAX_EDITS + 1;
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
