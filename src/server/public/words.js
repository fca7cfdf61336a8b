// @ts-check
/** What the page says about codes of the protocol: the only place where they become sentences. */

/** @type {Record<string, string>} */
const closedBecause = {
  connect_timeout: 'The server did not answer in time.',
  token_failed: 'No token could be fetched.',
  going_away: 'The server went away.',
  service_restart: 'The server is restarting.',
  internal: 'The server had a problem.',
  overloaded: 'The server is busy.',
  limit: 'There are too many connections.',
  unavailable: 'The server can’t reach its message store.',
  heartbeat_timeout: 'The connection fell silent.',
  token_expired: 'Your token has expired.',
  slow_consumer: 'This device was too slow to keep up.',
  rate_limited: 'Too much was sent too fast.',
  too_big: 'Something larger than the server takes was sent.',
  unauthenticated: 'The server did not accept your token.',
  forbidden: 'You are not allowed to connect.',
  origin: 'This page’s address is not among those that the server allows.',
  bad_room: 'There is no room of this name.',
  kicked: 'Somebody in charge disconnected you.',
  replaced: 'You have connected elsewhere, more often than the server allows.',
  too_many_errors: 'The server found too many mistakes in what was sent.',
};

/**
 * Why there is no connection.
 *
 * @param {import('../../client/index.js').Disconnected} state
 */
export function whyClosed({ code, reason, cause }) {
  if (navigator.onLine === false) return 'This device is offline.';
  if (cause instanceof TypeError) return 'The server can’t be reached.'; // What `fetch` throws then.
  return closedBecause[reason] ?? (code === 1006 ? 'The server can’t be reached.' : 'The connection was closed.');
}

/** @type {Record<string, string>} */
const notSentBecause = {
  too_big: 'It is too long for this server.',
  outbox_full: 'Too many messages are waiting already.',
  other_user: 'It was written under another name.',
  outcome_unknown: 'No answer came: it may have arrived.',
  disconnected: 'There is no connection.',
  left: 'You are not in this room.',
  not_in_room: 'You are not in this room.',
  forbidden: 'You may not write here.',
  internal: 'The server had a problem.',
};

/**
 * Why a message was not sent.
 *
 * @param {unknown} error
 */
export function whyNotSent(error) {
  const { code, message } = /** @type {{ code?: string, message?: string }} */ (error ?? {});
  return notSentBecause[code ?? ''] ?? message ?? 'Something went wrong.';
}

/** @type {Record<string, [string, string]>} */
const notInRoomBecause = {
  forbidden: ['This room is not open to you', 'The server did not let you in.'],
  bad_room: ['There is no such room', 'The server does not take this name.'],
  too_many_rooms: ['You are in too many rooms', 'Leave one of them, then try again.'],
  kicked: ['You were removed from this room', 'Somebody in charge put you out.'],
};

/**
 * Why one is not in a room: a title and a sentence.
 *
 * @param {string} reason
 * @param {string | undefined} message
 * @returns {[string, string]}
 */
export function whyNotInRoom(reason, message) {
  return notInRoomBecause[reason] ?? ['You are not in this room', message ?? 'The server did not say why.'];
}

const roomName = /^[A-Za-z0-9_.:~+-][A-Za-z0-9_.:@~+-]{0,127}$/;

/**
 * What is wrong with a room name; empty: nothing.
 *
 * @param {string} name
 */
export function roomNameProblem(name) {
  if (name === '') return 'Name a room.';
  if (roomName.test(name) && name !== '.' && name !== '..') return '';
  return 'Use letters from a to z, digits and _ . : @ ~ + -, without spaces.';
}

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

/** @param {Date} date */
export const timeText = (date) => time.format(date);

/** @param {Date} date */
export const momentText = (date) => moment.format(date);

/** @param {Date} date */
export function dayText(date) {
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  if (date >= midnight) return 'Today';
  midnight.setDate(midnight.getDate() - 1);
  return date >= midnight ? 'Yesterday' : day.format(date);
}
