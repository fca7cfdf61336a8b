// @ts-check
import { byId, create } from '/dom.js';
import { bytes, clockTime, count, duration, latency, rate, ratesOf } from './figures.js';

/** @typedef {import('./figures.js').Figures} Figures */
/** @typedef {import('./figures.js').Pod} Pod */

const ASK_EVERY_MS = 2_000;
const ANSWER_WITHIN_MS = 6_000;
const STORED_KEY = 'rookery.adminKey';
/** Looks that the small curves show: two minutes. */
const KEPT_LOOKS = 60;

const HEALTH = { ok: 'ok', draining: 'draining', recovering: 'recovering', unavailable: 'broker away' };

/** @type {readonly (readonly [label: string, text: (pod: Pod) => string])[]} */
const COLUMNS = [
  ['Connections', ({ figures }) => count(figures.connections)],
  ['Rooms', ({ figures }) => count(figures.rooms)],
  ['Published/s', ({ rates }) => rate(rates?.published)],
  ['Delivered/s', ({ rates }) => rate(rates?.delivered)],
  ['Publish p50', ({ figures }) => latency(figures.publishes, 'p50Ms')],
  ['Publish p99', ({ figures }) => latency(figures.publishes, 'p99Ms')],
  ['Errors/s', ({ rates }) => rate(rates?.errors)],
  ['Loop lag', ({ figures }) => `${figures.loopLagMs} ms`],
  ['Memory', ({ figures }) => bytes(figures.residentBytes)],
  ['Up', ({ figures }) => duration(figures.uptimeMs)],
  ['Version', ({ figures }) => figures.version],
];

/** @type {readonly (readonly [label: string, value: (pods: Pod[]) => number | undefined, text: (value: number | undefined) => string])[]} */
const TILES = [
  ['Connections', (pods) => sum(pods, ({ figures }) => figures.connections), count],
  ['Rooms', (pods) => sum(pods, ({ figures }) => figures.rooms), count],
  ['Published/s', (pods) => sum(pods, ({ rates }) => rates?.published), rate],
  ['Delivered/s', (pods) => sum(pods, ({ rates }) => rates?.delivered), rate],
  ['Publish p99', slowest, (ms) => latency({ count: Number(ms !== undefined), p50Ms: 0, p99Ms: ms ?? 0 }, 'p99Ms')],
  ['Errors/s', (pods) => sum(pods, ({ rates }) => rates?.errors), rate],
];

/** @type {Map<string, Pod>} */
const pods = new Map();
/** @type {(number | undefined)[][]} */
const looks = TILES.map(() => []);
/** @type {number | undefined} */
let timer;
/** @type {number | undefined} */
let answeredAt;
let key = sessionStorage.getItem(STORED_KEY) ?? '';

byId('key-form').addEventListener('submit', (event) => {
  event.preventDefault();
  key = /** @type {HTMLInputElement} */ (byId('key')).value.trim();
  void look();
});
byId('forget').addEventListener('click', () => forget(''));
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && key !== '' && !byId('board').hidden) void look();
});
byId('columns').append(...['Pod', ...COLUMNS.map(([label]) => label)].map(headerCell));
if (key === '') showEntrance('');
else void look();

/** Asks once, shows what came, and asks again later. While nobody looks, nobody is asked. */
async function look() {
  clearTimeout(timer);
  const asking = key;
  try {
    // A header takes visible ASCII only: what has more can't be the key.
    if (!/^[\x21-\x7e]+$/.test(asking)) return forget('This key is not accepted.');
    const response = await fetch('/api/pods', {
      headers: { authorization: `Bearer ${asking}` },
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    if (asking !== key) return;
    if (response.status === 401) return forget('This key is not accepted.');
    if (response.status === 429) return forget('Too many attempts with a wrong key: wait a minute.');
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    take(await response.json());
  } catch (error) {
    if (asking !== key) return;
    if (answeredAt === undefined) return showEntrance(`No answer: ${reasonOf(error)}.`);
    showState('bad', `No connection since ${clockTime(answeredAt)}; the figures are of then`);
  }
  if (!document.hidden) timer = setTimeout(() => void look(), ASK_EVERY_MS);
}

/** @param {{ pods: Figures[], asked: boolean }} answer */
function take(answer) {
  sessionStorage.setItem(STORED_KEY, key);
  const now = Date.now();
  for (const pod of pods.values()) pod.silentSince ??= answeredAt;
  for (const figures of answer.pods) {
    const before = pods.get(figures.pod);
    pods.set(figures.pod, { figures, rates: ratesOf(before?.figures, figures), silentSince: undefined });
  }
  answeredAt = now;
  byId('entrance').hidden = true;
  byId('board').hidden = false;
  const live = [...pods.values()].filter(({ silentSince }) => silentSince === undefined);
  if (!answer.asked) showState('busy', `The broker is away: only one pod could be asked`);
  else showState(live.every(({ figures }) => figures.health.status === 'ok') ? 'ok' : 'busy', podsText(live.length));
  showTiles(live);
  showPods();
}

/** @param {Pod[]} live */
function showTiles(live) {
  byId('tiles').replaceChildren(
    ...TILES.map(([label, valueOf, textOf], i) => {
      const value = valueOf(live);
      const kept = looks[i] ?? [];
      kept.push(value);
      if (kept.length > KEPT_LOOKS) kept.shift();
      const tile = create('div', 'tile');
      tile.append(create('dt', undefined, label), create('dd', undefined, textOf(value)), curve(kept));
      return tile;
    }),
  );
}

function showPods() {
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset['pod'] : undefined;
  const sorted = [...pods.values()].sort((a, b) => (a.figures.pod < b.figures.pod ? -1 : 1));
  byId('pods').replaceChildren(...sorted.map(podRow));
  if (focused !== undefined) {
    byId('pods')
      .querySelectorAll('button')
      .forEach((button) => button.dataset['pod'] === focused && button.focus());
  }
}

/** @param {Pod} pod */
function podRow(pod) {
  const { figures, silentSince } = pod;
  const row = create('tr', silentSince === undefined ? '' : 'silent');
  const name = create('th');
  name.scope = 'row';
  const status = silentSince === undefined ? figures.health.status : 'silent';
  const health =
    silentSince === undefined ? HEALTH[figures.health.status] : `no answer since ${clockTime(silentSince)}`;
  name.append(create('span', 'pod-name', figures.pod), create('span', `health health-${status}`, health));
  if (silentSince !== undefined) {
    const off = create('button', 'button button-quiet button-small', 'Take off');
    off.type = 'button';
    off.dataset['pod'] = figures.pod;
    off.setAttribute('aria-label', `Take ${figures.pod} off`);
    off.addEventListener('click', () => {
      pods.delete(figures.pod);
      showPods();
      byId('forget').focus();
    });
    name.append(off);
  }
  row.append(name);
  for (const [label, text] of COLUMNS) {
    const cell = create('td', undefined, text(pod));
    cell.dataset['label'] = label;
    row.append(cell);
  }
  return row;
}

/** @param {(number | undefined)[]} values */
function curve(values) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', `0 0 ${KEPT_LOOKS - 1} 20`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const top = Math.max(1e-9, ...values.map((value) => value ?? 0));
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  const start = KEPT_LOOKS - values.length;
  const points = values.map((value, i) => `${start + i},${(19 - 18 * ((value ?? 0) / top)).toFixed(1)}`);
  line.setAttribute('points', points.join(' '));
  svg.append(line);
  return svg;
}

/** @param {string} label */
function headerCell(label) {
  const cell = create('th', undefined, label);
  cell.scope = 'col';
  return cell;
}

/** @param {'ok' | 'busy' | 'bad'} kind @param {string} text */
function showState(kind, text) {
  const state = byId('state');
  byId('board').classList.toggle('stale', kind === 'bad');
  state.className = `state state-${kind}`;
  // Said again only when it changes: it is read out.
  if (state.textContent !== text) state.textContent = text;
}

/** @param {string} error */
function forget(error) {
  clearTimeout(timer);
  key = '';
  answeredAt = undefined;
  pods.clear();
  for (const kept of looks) kept.length = 0;
  sessionStorage.removeItem(STORED_KEY);
  showEntrance(error);
}

/** @param {string} error */
function showEntrance(error) {
  byId('board').hidden = true;
  byId('entrance').hidden = false;
  byId('key-error').textContent = error;
  const field = /** @type {HTMLInputElement} */ (byId('key'));
  field.setAttribute('aria-invalid', String(error !== ''));
  if (error === '') field.value = '';
  field.focus();
}

/** @param {Pod[]} from @param {(pod: Pod) => number | undefined} valueOf */
function sum(from, valueOf) {
  const known = from.map(valueOf).filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0);
}

/** @param {Pod[]} from */
function slowest(from) {
  const measured = from.filter(({ figures }) => figures.publishes.count > 0);
  return measured.length === 0 ? undefined : Math.max(...measured.map(({ figures }) => figures.publishes.p99Ms));
}

/** @param {number} live */
function podsText(live) {
  return live === 1 ? 'Live: 1 pod' : `Live: ${live} pods`;
}

/** @param {unknown} error */
function reasonOf(error) {
  if (error instanceof DOMException) return 'it took too long';
  return error instanceof TypeError
    ? 'the server can’t be reached'
    : error instanceof Error
      ? error.message
      : 'unknown';
}
