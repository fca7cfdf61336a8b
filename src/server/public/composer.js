// @ts-check
import { byId } from './dom.js';

/** Where one writes. Enter sends, Shift and Enter begin a new line. */
export class Composer {
  #form = /** @type {HTMLFormElement} */ (byId('composer'));
  #text = /** @type {HTMLTextAreaElement} */ (byId('composer-text'));
  #send = /** @type {HTMLButtonElement} */ (byId('composer-send'));

  /** @param {(text: string) => void} onSend */
  constructor(onSend) {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.draft.trim();
      if (text === '' || this.#text.disabled) return;
      this.draft = '';
      onSend(text);
      this.focus();
    });
    this.#text.addEventListener('keydown', (event) => {
      // While a word is being composed, Enter takes the word.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#text.addEventListener('input', () => this.#fit());
  }

  get draft() {
    return this.#text.value;
  }

  set draft(text) {
    this.#text.value = text;
    this.#fit();
  }

  /**
   * @param {string} roomName
   * @param {boolean} isOpen whether one may write here
   */
  use(roomName, isOpen) {
    byId('composer-label').textContent = `Message to ${roomName}`;
    this.#text.placeholder = isOpen ? `Message #${roomName}` : 'You can’t write here';
    this.#text.disabled = !isOpen;
    this.#fit();
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** As high as its text; the style sheet says how high at most. */
  #fit() {
    this.#send.disabled = this.#text.disabled || this.draft.trim() === '';
    this.#text.style.height = 'auto';
    this.#text.style.height = `${this.#text.scrollHeight}px`;
  }
}
