/** Closings of slow readers that are done together, and what lies between two such groups. */
const AT_ONCE = 2;
const EVERY_MS = 8;

let waiting: (() => void)[] = [];
let done = 0;

/**
 * Does the work in its turn, at once where little was done before. To end a connection costs what a hundred frames do
 * (hooks, presence, a line of the log), and readers of one room fall behind in the same moment, by thousands: one after
 * the other would hold up everybody who reads (see bench/slow-readers).
 */
export function farewell(work: () => void): void {
  if (done >= AT_ONCE) {
    waiting.push(work);
    return;
  }
  if (done === 0) setTimeout(next, EVERY_MS).unref();
  done += 1;
  work();
}

function next(): void {
  done = 0;
  const group = waiting.slice(0, AT_ONCE);
  waiting = waiting.slice(AT_ONCE);
  for (const work of group) farewell(work);
}
