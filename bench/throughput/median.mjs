/** The middle of some numbers: of an even count the mean of the two in the middle. `undefined` of none. */
export function medianOf(numbers) {
  if (numbers.length === 0) return undefined;
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * What the rounds of one cell come to. Each of them is `{ value, cpuUs, faults }`; one with faults makes the cell worth
 * nothing, because a speed with losses is none.
 *
 * @returns `{ value, least, most, cpuUs, rounds }`, or `{ faults, rounds }`
 */
export function summaryOf(rounds) {
  const faults = [...new Set(rounds.flatMap((round) => round.faults))];
  if (faults.length > 0) return { faults, rounds: rounds.length };
  const values = rounds.map(({ value }) => value);
  return {
    value: medianOf(values),
    least: Math.min(...values),
    most: Math.max(...values),
    cpuUs: medianOf(rounds.map(({ cpuUs }) => cpuUs).filter((cpuUs) => cpuUs !== undefined)),
    rounds: rounds.length,
  };
}

/** How many times better one cell is than another: above 1, it is. `undefined` where either has no value. */
export function ratioOf(cell, other, better) {
  if (!cell?.value || !other?.value) return undefined;
  return better === 'more' ? cell.value / other.value : other.value / cell.value;
}
