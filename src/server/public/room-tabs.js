// @ts-check
import { byId, create, icon } from './dom.js';

/** @typedef {import('./room-view.js').RoomView} RoomView */
/** @typedef {{ line: HTMLLIElement, link: HTMLAnchorElement, badge: HTMLSpanElement, leave: HTMLButtonElement }} Tab */

/** The list of the open rooms. Lines are kept, not made anew: whoever has the focus on one keeps it. */
export class RoomTabs {
  /** @type {Map<string, Tab>} */
  #tabs = new Map();
  #onLeave;

  /** @param {(name: string) => void} onLeave */
  constructor(onLeave) {
    this.#onLeave = onLeave;
  }

  /**
   * @param {readonly RoomView[]} views
   * @param {RoomView} current
   */
  render(views, current) {
    for (const [name, { line }] of this.#tabs) {
      if (views.some((view) => view.name === name)) continue;
      line.remove();
      this.#tabs.delete(name);
    }
    for (const view of views) {
      const { link, badge, leave } = this.#tabs.get(view.name) ?? this.#add(view.name);
      if (view === current) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
      link.classList.toggle('refused', view.refusal !== undefined);
      badge.hidden = view.messages.unseen === 0;
      badge.textContent = `${view.messages.unseen} new`;
      leave.hidden = views.length === 1;
    }
  }

  /**
   * @param {string} name
   * @returns {Tab}
   */
  #add(name) {
    const link = create('a', 'room-link');
    const badge = create('span', 'badge');
    const leave = create('button', 'icon-button room-leave');
    const line = create('li', 'room-line');
    const hash = create('span', 'hash', '#');
    hash.ariaHidden = 'true';
    link.href = `#${encodeURIComponent(name)}`;
    link.append(hash, create('span', 'room-link-name', name), ' ', badge);
    leave.type = 'button';
    leave.ariaLabel = leave.title = `Leave ${name}`;
    leave.append(icon('icon-close', 'icon'));
    leave.addEventListener('click', () => this.#onLeave(name));
    line.append(link, leave);
    byId('rooms').append(line);
    const tab = { line, link, badge, leave };
    this.#tabs.set(name, tab);
    return tab;
  }
}
