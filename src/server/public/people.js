// @ts-check
import { bird, create } from './dom.js';

/** @typedef {import('../../client/index.js').ClientRoom} ClientRoom */

/** How long the list waits, for others that come or go together, before it asks the server. */
const SETTLE_MS = 500;

/** Who is in one room: asked for once, then kept by what the room tells. */
export class People {
  element = create('ul', 'people-list');
  /** @type {Map<string, string>} */
  #users = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #asking;
  #room;
  #options;

  /**
   * @param {ClientRoom} room
   * @param {{ isMe: (userId: string | undefined) => boolean, onChange: () => void }} options
   */
  constructor(room, options) {
    this.#room = room;
    this.#options = options;
    room.on('joined', () => this.#ask(0));
    room.on('system', ({ event, userId, user }) => {
      if (event === 'joined') this.#users.set(userId, user);
      else this.#users.delete(userId);
      // Rooms may be larger than the list, and an announcement may be lost with a connection.
      if (this.#users.size !== room.members && this.#users.size < 100) this.#ask(SETTLE_MS);
      this.#render();
    });
  }

  get count() {
    return Math.max(this.#room.members, this.#users.size);
  }

  /** The ids of some who are there. */
  get userIds() {
    return [...this.#users.keys()];
  }

  /** @param {number} delayMs */
  #ask(delayMs) {
    clearTimeout(this.#asking);
    this.#asking = setTimeout(async () => {
      try {
        const { users } = await this.#room.presence();
        this.#users = new Map(users.map(({ id, name }) => [id, name]));
        this.#render();
      } catch {
        // Cut or left meanwhile: `joined` asks again.
      }
    }, delayMs);
  }

  #render() {
    const { isMe, onChange } = this.#options;
    const sorted = [...this.#users].sort((a, b) => Number(isMe(b[0])) - Number(isMe(a[0])) || a[1].localeCompare(b[1]));
    const lines = sorted.map(([id, name]) => {
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
