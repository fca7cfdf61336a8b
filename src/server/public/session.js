// @ts-check
/** Who uses this page, and their token. */

const NAME_KEY = 'rookery.name';
const ROOMS_KEY = 'rookery.rooms';

/** The server issues no tokens: one has to be pasted. */
export class TokenNeededError extends Error {}

/** The server does not take this name. */
export class NameRefusedError extends Error {}

/** The name, and a token for it: fetched from the server where it issues them, else pasted. */
export class Session {
  /** @type {string | undefined} */
  #pastedToken;
  #name = '';

  /** The name of the last time, this tab's first. */
  get name() {
    return this.#name || read('tab', NAME_KEY) || read('device', NAME_KEY);
  }

  /** @param {string} name */
  useName(name) {
    this.#name = name;
    this.#pastedToken = undefined;
    write('tab', NAME_KEY, name);
    write('device', NAME_KEY, name);
  }

  /** @param {string} token */
  useToken(token) {
    this.#pastedToken = token;
  }

  /** Says whether this tab was in use and goes on after a reload. */
  get isResumable() {
    return read('tab', NAME_KEY) !== '' && this.rooms.length > 0;
  }

  /** The rooms that this tab has open. */
  get rooms() {
    return read('tab', ROOMS_KEY).split(' ').filter(Boolean);
  }

  /** @param {readonly string[]} names */
  rememberRooms(names) {
    write('tab', ROOMS_KEY, names.join(' '));
  }

  /** Forgets the token and what a reload would go on with; the name stays as a suggestion. */
  end() {
    this.#pastedToken = undefined;
    this.rememberRooms([]);
  }

  /**
   * A pasted token as it is, so that the client knows that there is no fresher one; else what fetches one.
   *
   * @returns {string | (() => Promise<string>)}
   */
  get token() {
    return this.#pastedToken ?? (() => fetchToken(this.name));
  }
}

/**
 * @param {string} name
 * @returns {Promise<string>}
 */
async function fetchToken(name) {
  const response = await fetch('/dev/token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  if (response.status === 404 || response.status === 403) throw new TokenNeededError('this server issues no tokens');
  if (response.status === 400) throw new NameRefusedError(await messageOf(response));
  if (!response.ok) throw new Error(`expected a token, got HTTP ${response.status}`);
  return (await response.json()).token;
}

/** @param {Response} response */
async function messageOf(response) {
  const body = await response.json().catch(() => ({})); // A proxy's error page is no JSON: then there is no message.
  return String([body?.message].flat()[0] ?? 'Choose another name.');
}

/** Comfort, no more: a browser that forbids storage to this page makes it forget, and nothing else. */
const storages = { tab: () => sessionStorage, device: () => localStorage };

/**
 * @param {keyof typeof storages} where
 * @param {string} key
 */
function read(where, key) {
  try {
    return storages[where]().getItem(key) ?? '';
  } catch {
    return ''; // Forbidden: see above.
  }
}

/**
 * @param {keyof typeof storages} where
 * @param {string} key
 * @param {string} value
 */
function write(where, key, value) {
  try {
    storages[where]().setItem(key, value);
  } catch {
    // Forbidden, or full: see above.
  }
}
