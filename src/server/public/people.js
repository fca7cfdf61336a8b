// @ts-check
import { Roster } from '/rookery-roster.js';
import { bird, create } from './dom.js';

/** @typedef {import('../../client/index.js').ClientRoom} ClientRoom */

/** Who is in one room. */
export class People {
  element = create('ul', 'people-list');
  #room;
  #options;
  #roster;

  /**
   * @param {ClientRoom} room
   * @param {{ isMe: (userId: string | undefined) => boolean, onChange: () => void }} options
   */
  constructor(room, options) {
    this.#room = room;
    this.#options = options;
    this.#roster = new Roster(room, () => this.#render());
  }

  /**
   * The room after it was left and entered again.
   *
   * @param {ClientRoom} room
   */
  follow(room) {
    this.#roster.end();
    this.#room = room;
    this.#roster = new Roster(room, () => this.#render());
  }

  get count() {
    return Math.max(this.#room.members, this.#roster.users.length);
  }

  /** The ids of some who are there. */
  get userIds() {
    return this.#roster.users.map(({ id }) => id);
  }

  #render() {
    const { isMe, onChange } = this.#options;
    const sorted = [...this.#roster.users].sort(
      (a, b) => Number(isMe(b.id)) - Number(isMe(a.id)) || a.name.localeCompare(b.name),
    );
    const lines = sorted.map(({ id, name }) => {
      const line = create('li', 'person');
      line.append(bird(id), create('span', 'person-name', name));
      if (isMe(id)) line.append(create('span', 'person-note', 'you'));
      return line;
    });
    const more = this.#room.members - sorted.length;
    if (more > 0) lines.push(create('li', 'person person-more', `and ${more} more`));
    this.element.replaceChildren(...lines);
    onChange();
  }
}
