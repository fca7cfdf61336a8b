// @ts-check
import { bird, create, icon, part, tintOf } from './dom.js';
import { dayText, momentText, timeText } from './words.js';

/** @typedef {import('../../client/index.js').MessageFrame} MessageFrame */
/** @typedef {{ order: number, date: Date, userId?: string }} Item What is known of a line: lines stand by their order. */

/** Messages of one person within this time stand together under one name. */
const TOGETHER_MS = 5 * 60_000;
/** This close to the end counts as at the end. */
const END_PX = 48;
/** Own messages that the server has not got stand below everything. */
const AT_THE_END = Infinity;
/** What was there before messages were lost stands above everything. */
const SEALED = -1;

/**
 * The messages of one room in the order of their offsets, the own unsent ones after them. It stays at the end while
 * the reader is there, and never moves under somebody who reads further up.
 */
export class MessageList {
  /** Messages that came while the reader was further up. */
  unseen = 0;
  #scroller;
  #list;
  #following = true;
  #shown = false;
  #scrollTop = 0;
  #order = 0;
  /** @type {WeakMap<Element, Item>} */
  #items = new WeakMap();
  /**
   * Messages of the server by sender and id: one that comes again is not shown again.
   *
   * @type {Map<string, HTMLLIElement>}
   */
  #lines = new Map();
  /** Own messages by id, until their frame comes back. @type {Map<string, HTMLLIElement>} */
  #pending = new Map();
  #options;

  /**
   * @param {HTMLElement} scroller the element that scrolls, with `.messages` in it
   * @param {{ isMe: (userId: string | undefined) => boolean, onRetry: (id: string, text: string) => void,
   *   onMove: () => void }} options
   */
  constructor(scroller, options) {
    this.#scroller = scroller;
    this.#list = part(scroller, 'messages');
    this.#options = options;
    scroller.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    const keepEnd = new ResizeObserver(() => this.#keepEnd());
    keepEnd.observe(scroller);
    keepEnd.observe(this.#list);
  }

  /** Says whether nobody has said anything here. */
  get isEmpty() {
    return this.#list.querySelector('.message') === null;
  }

  /** Says whether the reader is at the end. */
  get isFollowing() {
    return this.#following;
  }

  /**
   * A message that came live.
   *
   * @param {MessageFrame} frame
   */
  add(frame) {
    if (!this.#place(frame)) return;
    if (!this.#following || !this.#shown) this.unseen += 1;
    this.#keepEnd();
    this.#options.onMove();
  }

  /**
   * Messages from history. What the reader looks at stays where it is, and nothing is read out.
   *
   * @param {readonly MessageFrame[]} frames
   */
  addHistory(frames) {
    const { scrollHeight, scrollTop } = this.#scroller;
    this.#scroller.ariaBusy = 'true';
    for (const frame of frames) this.#place(frame);
    if (!this.#following) this.#scroller.scrollTop = scrollTop + this.#scroller.scrollHeight - scrollHeight;
    this.#keepEnd();
    setTimeout(() => (this.#scroller.ariaBusy = 'false'), 100);
  }

  /**
   * A line that nobody wrote.
   *
   * @param {string} text
   * @param {Date} date
   */
  addNote(text, date) {
    const line = create('li', 'item note');
    const body = create('p', 'note-text', text);
    const time = create('time', 'note-time', timeText(date));
    time.dateTime = date.toISOString();
    body.append(' ', time);
    line.append(create('p', 'day'), body);
    this.#insert(line, { order: this.#order, date });
    this.#keepEnd();
  }

  /**
   * An own message that is on its way.
   *
   * @param {string} id
   * @param {string} text
   * @param {string} userId
   */
  addPending(id, text, userId) {
    const line = this.#line(text, true, 'You', userId);
    this.#pending.set(id, line);
    this.#insert(line, { order: AT_THE_END, date: new Date(), userId });
    this.#sending(line);
    this.#following = true;
    this.#keepEnd();
    this.#options.onMove();
  }

  /**
   * The server has it; its frame comes, or came already.
   *
   * @param {string} id
   */
  acknowledge(id) {
    const line = this.#pending.get(id);
    if (line) this.#state(line, 'sent', '');
  }

  /**
   * It was not sent, for this reason; it stays, to be sent again or thrown away.
   *
   * @param {string} id
   * @param {string} why
   */
  fail(id, why) {
    const line = this.#pending.get(id);
    if (!line) return;
    const state = this.#state(line, 'failed', `Not sent. ${why}`);
    const retry = create('button', 'link-button', 'Try again');
    const discard = create('button', 'link-button', 'Discard');
    retry.type = discard.type = 'button';
    retry.addEventListener('click', () => {
      this.#sending(line);
      this.#options.onRetry(id, part(line, 'text').textContent ?? '');
    });
    discard.addEventListener('click', () => {
      this.#pending.delete(id);
      this.#remove(line);
      this.#options.onMove();
    });
    state.append(' ', retry, ' ', discard);
    this.#keepEnd();
  }

  /**
   * Messages were lost: what is here stays above a line that says so, and what follows is numbered anew.
   *
   * @param {string} text
   */
  seal(text) {
    for (const line of this.#list.children) {
      const item = this.#items.get(line);
      if (item && item.order !== AT_THE_END) item.order = SEALED;
    }
    this.#order = SEALED;
    this.addNote(text, new Date());
    this.#order = 0;
  }

  /** The room is on the screen now. */
  show() {
    this.#shown = true;
    if (this.#following) this.unseen = 0;
    this.#scroller.scrollTop = this.#scrollTop;
    this.#keepEnd();
  }

  hide() {
    this.#shown = false;
  }

  /** Goes to the end and stays there. */
  follow() {
    this.#following = true;
    this.unseen = 0;
    this.#keepEnd();
    this.#options.onMove();
  }

  /**
   * Puts a message where its offset says. False: it is there already.
   *
   * @param {MessageFrame} frame
   */
  #place(frame) {
    const { offset, id } = frame;
    const order = offset ?? this.#order;
    this.#order = Math.max(this.#order, order);
    const isMe = this.#options.isMe(frame.userId);
    const key = `${frame.userId ?? ''}\n${id ?? ''}`;
    const own = isMe && id !== undefined ? this.#pending.get(id) : undefined;
    const known = own ?? this.#lines.get(key);
    const date = new Date(frame.timestamp);
    const line =
      known ?? this.#line(String(frame['text'] ?? ''), isMe, isMe ? 'You' : (frame.user ?? ''), frame.userId);
    if (own && id !== undefined) {
      this.#pending.delete(id);
      this.#state(line, 'sent', '');
    }
    if (id !== undefined) this.#lines.set(key, line);
    const time = part(line, 'time');
    time.textContent = timeText(date);
    time.setAttribute('datetime', frame.timestamp);
    time.title = momentText(date);
    this.#insert(line, { order, date, userId: frame.userId });
    return !known;
  }

  /**
   * @param {string} text
   * @param {boolean} isMe
   * @param {string} name
   * @param {string} [userId]
   */
  #line(text, isMe, name, userId = '') {
    const line = create('li', `item message ${isMe ? 'own' : tintOf(userId)}`);
    const row = create('div', 'row');
    const bubble = create('div', 'bubble');
    const head = create('p', 'head');
    head.append(create('span', 'name', name), ' ', create('time', 'time'));
    bubble.append(head, create('p', 'text', text));
    if (!isMe) row.append(bird(userId));
    row.append(bubble);
    line.append(create('p', 'day'), row, create('p', 'state'));
    return line;
  }

  /** @param {HTMLElement} line */
  #sending(line) {
    const state = this.#state(line, 'sending', '');
    // The style sheet shows one of the two, by the state of the connection.
    state.append(icon('icon-clock', 'icon'), create('span', 'when-up', 'Sending …'));
    state.append(create('span', 'when-down', 'Waits for the connection'));
  }

  /**
   * @param {HTMLElement} line
   * @param {'sending' | 'sent' | 'failed'} kind
   * @param {string} text
   */
  #state(line, kind, text) {
    line.dataset['state'] = kind;
    const state = part(line, 'state');
    state.textContent = text;
    return state;
  }

  /**
   * @param {HTMLLIElement} line
   * @param {Item} item
   */
  #insert(line, item) {
    this.#items.set(line, item);
    const after = line.nextElementSibling;
    let before = null;
    for (let at = this.#list.lastElementChild; at; at = at.previousElementSibling) {
      if (at === line) continue;
      if ((this.#items.get(at)?.order ?? 0) <= item.order) break;
      before = at;
    }
    // Moving a line that stands right would have it read out again.
    if (line.parentNode !== this.#list || line.nextElementSibling !== before) {
      this.#list.insertBefore(line, before);
      this.#tidy(after);
    }
    this.#tidy(line);
    this.#tidy(line.nextElementSibling);
  }

  /** @param {HTMLElement} line */
  #remove(line) {
    const after = line.nextElementSibling;
    line.remove();
    this.#tidy(after);
  }

  /**
   * Says the day above the first line of a day, and the name above the first of a person's lines.
   *
   * @param {Element | null} line
   */
  #tidy(line) {
    const item = line && this.#items.get(line);
    if (!line || !item) return;
    const previous = line.previousElementSibling;
    const last = previous ? this.#items.get(previous) : undefined;
    const sameDay = last?.date.toDateString() === item.date.toDateString();
    const day = part(line, 'day');
    day.hidden = sameDay;
    day.textContent = sameDay ? '' : dayText(item.date);
    const together =
      sameDay && last.userId !== undefined && last.userId === item.userId && +item.date - +last.date < TOGETHER_MS;
    line.classList.toggle('continued', together);
  }

  #scrolled() {
    if (!this.#shown) return;
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    this.#scrollTop = scrollTop;
    this.#following = scrollHeight - scrollTop - clientHeight < END_PX;
    if (this.#following) this.unseen = 0;
    this.#options.onMove();
  }

  #keepEnd() {
    if (this.#following && this.#shown) this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}
