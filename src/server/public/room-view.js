// @ts-check
import { createFrameId } from '/rookery-client.js';
import { bird, byId, part } from './dom.js';
import { MessageList } from './message-list.js';
import { People } from './people.js';
import { whyNotInRoom, whyNotSent } from './words.js';

/** @typedef {import('../../client/index.js').RealtimeClient} RealtimeClient */
/** @typedef {import('../../client/index.js').ClientRoom} ClientRoom */
/** @typedef {{ id: string, name: string }} User */

const PAGE = 50;

/** One room that is open on this page, on the screen or not. */
export class RoomView {
  /** What was written here and not sent. */
  draft = '';
  /** Why one is not in this room. @type {[string, string] | undefined} */
  refusal;
  element;
  messages;
  people;
  /** @type {ClientRoom} */
  #room;
  #client;
  #me;
  /** @param {string | undefined} userId */
  #isMe = (userId) => userId !== undefined && userId === this.#me()?.id;
  #onChange;
  /** From where earlier messages are loaded. @type {string | undefined} */
  #earlier;
  /** Counts the times at which messages were lost: cursors from before are of no use. */
  #generation = 0;
  /** The generation that is being loaded; -1: none. */
  #loading = -1;
  #wasLoaded = false;
  /** Everything that is kept was loaded. */
  #isComplete = false;

  /**
   * @param {RealtimeClient} client
   * @param {string} name
   * @param {{ me: () => User | undefined, onChange: () => void, onInvite: (button: HTMLElement) => void }} options
   */
  constructor(client, name, { me, onChange, onInvite }) {
    this.name = name;
    this.#client = client;
    this.#me = me;
    this.#onChange = onChange;
    this.#room = client.room(name);
    const template = /** @type {HTMLTemplateElement} */ (byId('room-template'));
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    this.element = part(copy, 'scroller');
    this.element.ariaLabel = `Messages in ${name}`;
    this.element.hidden = true;
    this.messages = new MessageList(this.element, {
      isMe: this.#isMe,
      onRetry: (id, text) => this.#send(id, text),
      onMove: () => this.#changed(),
    });
    this.people = new People(this.#room, { isMe: this.#isMe, onChange: () => this.#changed() });
    part(this.element, 'older').addEventListener('click', () => void this.#loadEarlier());
    part(this.element, 'rejoin').addEventListener('click', () => this.#rejoin());
    const invite = part(this.element, 'invite');
    invite.addEventListener('click', () => onInvite(invite));
    this.#listen();
  }

  get status() {
    return this.#room.status;
  }

  /** @param {string} text */
  send(text) {
    const id = createFrameId();
    this.messages.addPending(id, text, this.#me()?.id ?? '');
    this.#send(id, text);
  }

  /**
   * A message that this tab had not sent when it was loaded again.
   *
   * @param {import('../../client/index.js').RestoredSend} send
   */
  #restore({ id, frame, result }) {
    this.messages.addPending(id, String(frame['text']), this.#me()?.id ?? '');
    void this.#settle(id, result);
  }

  /** Puts it on the screen. */
  show() {
    this.element.hidden = this.people.element.hidden = false;
    this.messages.show();
    this.#changed();
  }

  hide() {
    this.messages.hide();
    this.element.hidden = this.people.element.hidden = true;
  }

  /** Leaves the room and goes from the page. */
  close() {
    void this.#room.leave();
    this.element.remove();
    this.people.element.remove();
  }

  /** Tries once more to get in. What was written here stays, to be sent again. */
  #rejoin() {
    this.refusal = undefined;
    if (this.#wasLoaded) this.messages.seal('You were out of this room. The latest that the server has:');
    this.#generation += 1;
    this.#earlier = undefined;
    this.#wasLoaded = false;
    this.#room = this.#client.room(this.name);
    this.people.follow(this.#room);
    this.#listen();
    this.#changed();
    this.element.focus();
  }

  #listen() {
    const room = this.#room;
    room.on('joined', () => {
      this.refusal = undefined;
      if (!this.#wasLoaded) void this.#loadEarlier();
      this.#changed();
    });
    room.on('message', (frame) => this.messages.add(frame));
    room.on('restored', (send) => this.#restore(send));
    room.on('system', ({ userId, text, timestamp }) => {
      if (!this.#isMe(userId)) this.messages.addNote(text, new Date(timestamp));
      this.#changed();
    });
    room.on('gap', () => {
      this.messages.seal('Some messages could not be recovered. The latest that the server has:');
      this.#generation += 1;
      this.#earlier = undefined;
      void this.#loadEarlier();
    });
    room.on('left', ({ reason, message }) => {
      if (reason !== 'left') this.refusal = whyNotInRoom(reason, message);
      this.#changed();
    });
  }

  /**
   * @param {string} id
   * @param {string} text
   */
  #send(id, text) {
    void this.#settle(id, this.#room.send('message', { text }, { id }));
  }

  /**
   * @param {string} id
   * @param {Promise<unknown>} result
   */
  async #settle(id, result) {
    try {
      await result;
      this.messages.acknowledge(id);
    } catch (error) {
      this.messages.fail(id, whyNotSent(error));
    }
  }

  async #loadEarlier() {
    const generation = this.#generation;
    if (this.#loading === generation) return;
    this.#loading = generation;
    try {
      const { frames, cursor, complete } = await this.#room.history({ before: this.#earlier, limit: PAGE });
      if (generation !== this.#generation) return; // Messages were lost meanwhile; another question is under way.
      this.#earlier = cursor;
      this.#isComplete = complete;
      this.#wasLoaded = true;
      this.messages.addHistory(frames.filter(({ type }) => type === 'message'));
    } catch {
      // Cut or left meanwhile, or the frames are gone: the button stays, and `joined` loads what was never loaded.
    } finally {
      if (this.#loading === generation) this.#loading = -1;
      this.#changed();
    }
  }

  #changed() {
    const isLoaded = this.#wasLoaded;
    const isEmpty = isLoaded && this.messages.isEmpty;
    part(this.element, 'older').hidden = !isLoaded || this.#isComplete;
    const beginning = part(this.element, 'beginning');
    beginning.hidden = !isLoaded || !this.#isComplete || isEmpty;
    beginning.textContent = `This is the beginning of #${this.name}, as far as it is kept.`;
    this.#renderEmpty(isEmpty);
    this.#onChange();
  }

  /** @param {boolean} isEmpty */
  #renderEmpty(isEmpty) {
    const empty = part(this.element, 'empty');
    empty.hidden = !isEmpty && !this.refusal;
    if (empty.hidden) return;
    part(empty, 'invite').hidden = part(empty, 'empty-wire').hidden = this.refusal !== undefined;
    part(empty, 'rejoin').hidden = !this.refusal;
    part(empty, 'empty-wire').replaceChildren(...this.people.userIds.slice(0, 5).map(bird));
    const [title, text] = this.refusal ?? ['Quiet in here', this.#invitation()];
    part(empty, 'empty-title').textContent = title;
    part(empty, 'empty-text').textContent = text;
  }

  #invitation() {
    const others = this.people.count - 1;
    if (others <= 0) return 'Nobody else is here yet. Say the first word, or send somebody a link.';
    return others === 1 ? 'Somebody is here already. Say hello.' : `${others} others are here already. Say hello.`;
  }
}
