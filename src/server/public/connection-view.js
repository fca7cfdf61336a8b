// @ts-check
import { announce, byId } from './dom.js';
import { whyClosed } from './words.js';

/** @typedef {import('../../client/index.js').ConnectionState} ConnectionState */
/** @typedef {import('../../client/index.js').Disconnected} Disconnected */

/** A cut shorter than this is told in the corner alone: most are over before anybody could read a banner. */
const BANNER_AFTER_MS = 1_500;
const TICK_MS = 250;

/** The state of the connection: a word in the corner, and a banner where there is trouble. */
export class ConnectionView {
  /** @type {ConnectionState} */
  #state = { status: 'idle' };
  /** The last end that was not by choice, until there is a connection again. @type {Disconnected | undefined} */
  #trouble;
  #troubleSince = 0;
  #told = '';

  constructor() {
    setInterval(() => this.#render(), TICK_MS);
  }

  /** @param {ConnectionState} state */
  show(state) {
    this.#state = state;
    if (state.status === 'connected' || state.status === 'idle') this.#trouble = undefined;
    if (state.status === 'disconnected') {
      if (!this.#trouble) this.#troubleSince = Date.now();
      this.#trouble = state;
    }
    this.#render();
    const told = this.#words().text;
    if (this.#kind() !== this.#told) announce(state.status === 'disconnected' ? `Disconnected. ${this.#why()}` : told);
    this.#told = this.#kind();
  }

  /** What a screen reader hears of: not every attempt. */
  #kind() {
    if (this.#state.status === 'connecting' && this.#trouble) return 'disconnected';
    return this.#isOver() ? 'over' : this.#state.status;
  }

  #isOver() {
    return this.#state.status === 'disconnected' && this.#state.retryAt === undefined;
  }

  #why() {
    return this.#trouble ? whyClosed(this.#trouble) : '';
  }

  /** @returns {{ kind: 'ok' | 'busy' | 'over', text: string }} */
  #words() {
    const state = this.#state;
    if (state.status === 'connected') return { kind: 'ok', text: 'Connected' };
    if (state.status !== 'disconnected')
      return { kind: 'busy', text: this.#trouble ? 'Reconnecting …' : 'Connecting …' };
    if (state.retryAt === undefined) return { kind: 'over', text: state.code === 1008 ? 'Refused' : 'Disconnected' };
    const seconds = Math.max(1, Math.ceil((state.retryAt - Date.now()) / 1000));
    return { kind: 'busy', text: `Reconnecting in ${seconds} s` };
  }

  #render() {
    const { kind, text } = this.#words();
    const status = byId('status');
    status.dataset['kind'] = kind;
    setText(byId('status-text'), text);
    const trouble = this.#trouble;
    const isTold = trouble !== undefined && (this.#isOver() || Date.now() - this.#troubleSince > BANNER_AFTER_MS);
    const banner = byId('banner');
    banner.hidden = !isTold;
    if (!isTold) return;
    banner.dataset['kind'] = kind;
    setText(byId('banner-title'), this.#why());
    setText(byId('banner-detail'), this.#isOver() ? 'It won’t be tried again by itself.' : `${text}.`);
    setText(byId('banner-code'), `${trouble.code} ${trouble.reason}`.trim());
    setText(byId('banner-retry'), this.#isOver() ? 'Try again' : 'Try now');
    byId('banner-retry').hidden = this.#state.status === 'connecting';
    byId('banner-sign-out').hidden = !this.#isOver();
  }
}

/**
 * Writes only what differs: an unchanged text is not read out again.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
