// @ts-check
import { byId } from './dom.js';
import { roomNameProblem } from './words.js';

/** @typedef {import('./session.js').Session} Session */

/** The first screen: a name, or a token where the server issues none, and a room. */
export class Entrance {
  #element = byId('entrance');
  #name = /** @type {HTMLInputElement} */ (byId('name'));
  #token = /** @type {HTMLTextAreaElement} */ (byId('token'));
  #room = /** @type {HTMLInputElement} */ (byId('room'));
  #session;

  /**
   * @param {Session} session
   * @param {(room: string) => void} onEnter
   */
  constructor(session, onEnter) {
    this.#session = session;
    byId('enter-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const room = this.#check();
      if (room !== undefined) onEnter(room);
    });
    this.#token.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return; // A token has no second line.
      event.preventDefault();
      this.#token.form?.requestSubmit();
    });
  }

  /**
   * @param {string} room
   * @param {string} [problem] what the server said of the name
   * @param {'name' | 'token'} [field] what is asked for now
   */
  show(room, problem = '', field = 'name') {
    if (field === 'token') {
      byId('token-field').hidden = false;
      byId('name-field').hidden = true;
    }
    this.#room.value = room;
    this.#name.value = this.#session.name;
    this.#element.hidden = false;
    tell(this.#name, problem);
    (this.#asksForToken ? this.#token : this.#name).focus();
  }

  hide() {
    this.#token.value = '';
    this.#element.hidden = true;
  }

  get #asksForToken() {
    return !byId('token-field').hidden;
  }

  /** The room, and the session filled in; `undefined` where something is wrong. */
  #check() {
    const room = this.#room.value.trim().replace(/^#/, '');
    const name = this.#name.value.trim();
    const token = this.#token.value.trim().replace(/^Bearer\s+/i, '');
    const isToken = /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
    const problems = [
      this.#asksForToken
        ? tell(this.#token, isToken ? '' : 'Paste a JWT: three parts with dots between them.')
        : tell(this.#name, name ? '' : 'Say who you are.'),
      tell(this.#room, roomNameProblem(room)),
    ];
    const wrong = problems.find((input) => input !== undefined);
    if (wrong) return void wrong.focus();
    if (this.#asksForToken) this.#session.useToken(token);
    else this.#session.useName(name);
    return room;
  }
}

/**
 * Says what is wrong with an input, below it. Returns the input if something is.
 *
 * @param {HTMLInputElement | HTMLTextAreaElement} input
 * @param {string} problem
 */
function tell(input, problem) {
  byId(`${input.id}-error`).textContent = problem;
  input.ariaInvalid = String(problem !== '');
  return problem ? input : undefined;
}
