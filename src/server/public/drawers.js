// @ts-check
import { byId } from './dom.js';

/** The two columns at the sides, which a narrow screen shows on demand. */
export class Drawers {
  /** @type {HTMLElement | undefined} */
  #open;
  /** @type {HTMLElement | undefined} */
  #opener;

  constructor() {
    for (const button of document.querySelectorAll('[data-opens]')) {
      if (button instanceof HTMLElement) button.addEventListener('click', () => this.#toggle(button));
    }
    for (const button of document.querySelectorAll('[data-closes]'))
      button.addEventListener('click', () => this.close());
    byId('chat').addEventListener('pointerdown', (event) => {
      const target = /** @type {Element} */ (event.target);
      if (!this.#open?.contains(target) && !this.#opener?.contains(target)) this.close(false);
    });
  }

  /**
   * Closes what is open. False: nothing was.
   *
   * @param {boolean} giveFocusBack to the button that opened it
   */
  close(giveFocusBack = true) {
    if (!this.#open) return false;
    this.#open.classList.remove('open');
    this.#opener?.setAttribute('aria-expanded', 'false');
    if (giveFocusBack) this.#opener?.focus();
    this.#open = this.#opener = undefined;
    return true;
  }

  /** @param {HTMLElement} opener */
  #toggle(opener) {
    const drawer = byId(opener.dataset['opens'] ?? '');
    const wasOpen = this.#open === drawer;
    this.close();
    if (wasOpen) return;
    this.#open = drawer;
    this.#opener = opener;
    drawer.classList.add('open');
    opener.setAttribute('aria-expanded', 'true');
    drawer.querySelector('button')?.focus();
  }
}
