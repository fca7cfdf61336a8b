// @ts-check
/**
 * What the API says of a pod, and how it reads.
 *
 * @typedef {{ pod: string, version: string, at: number, startedAt: number, uptimeMs: number,
 *   health: { status: 'ok' | 'unavailable' | 'recovering' | 'draining' }, connections: number, rooms: number,
 *   residentBytes: number, loopLagMs: number, publishes: { count: number, p50Ms: number, p99Ms: number },
 *   totals: { messages: number, delivered: number, publishes: number, publishesFailed: number, framesFailed: number,
 *     handshakesRefused: number, faults: number } }} Figures
 * @typedef {{ published: number, delivered: number, errors: number }} Rates
 * @typedef {{ figures: Figures, rates: Rates | undefined, silentSince: number | undefined }} Pod
 */

const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/**
 * What grew per second between two answers of one process; `undefined` where they can't be compared.
 *
 * @param {Figures | undefined} before
 * @param {Figures} now
 * @returns {Rates | undefined}
 */
export function ratesOf(before, now) {
  if (!before || before.startedAt !== now.startedAt || now.at <= before.at) return undefined;
  const seconds = (now.at - before.at) / 1000;
  return {
    published: (now.totals.publishes - before.totals.publishes) / seconds,
    delivered: (now.totals.delivered - before.totals.delivered) / seconds,
    errors: (errorsOf(now) - errorsOf(before)) / seconds,
  };
}

/** @param {Figures} figures */
function errorsOf({ totals }) {
  return totals.framesFailed + totals.handshakesRefused + totals.publishesFailed + totals.faults;
}

/** @param {number | undefined} value */
export function count(value) {
  return value === undefined ? '–' : COMPACT.format(value);
}

/** @param {number | undefined} perSecond */
export function rate(perSecond) {
  if (perSecond === undefined) return '–';
  return perSecond > 0 && perSecond < 0.1 ? '< 0.1' : COMPACT.format(perSecond);
}

/** @param {{ count: number, p50Ms: number, p99Ms: number }} publishes @param {'p50Ms' | 'p99Ms'} which */
export function latency({ count: measured, ...times }, which) {
  if (measured === 0) return '–';
  const ms = times[which];
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** @param {number} size */
export function bytes(size) {
  return size < 1024 ** 3 ? `${Math.round(size / 1024 ** 2)} MiB` : `${(size / 1024 ** 3).toFixed(1)} GiB`;
}

/** @param {number} ms */
export function duration(ms) {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}

/** @param {number} at */
export function clockTime(at) {
  return new Date(at).toLocaleTimeString([], { hour12: false });
}
