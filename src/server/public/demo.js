// @ts-check
import { RealtimeClient, sessionOutbox } from '/rookery-client.js';
import { Composer } from './composer.js';
import { ConnectionView } from './connection-view.js';
import { announce, bird, byId } from './dom.js';
import { Drawers } from './drawers.js';
import { Entrance } from './entrance.js';
import { RoomTabs } from './room-tabs.js';
import { RoomView } from './room-view.js';
import { NameRefusedError, Session, TokenNeededError } from './session.js';
import { roomNameProblem } from './words.js';

/** @typedef {import('../../client/index.js').ConnectionState} ConnectionState */

const BIRDS_ON_THE_WIRE = 9;
const ENDPOINT = new URL('/ws/chat', location.href);

/** The page: who is here, which rooms are open, which one is on the screen. */
class Demo {
  #session = new Session();
  #entrance = new Entrance(this.#session, (room) => this.#enter(room));
  #connection = new ConnectionView();
  #drawers = new Drawers();
  #rooms = new RoomTabs((name) => this.#leave(name));
  #composer = new Composer((text) => this.#current?.send(text));
  /** @type {RealtimeClient | undefined} */
  #client;
  /** @type {{ id: string, name: string } | undefined} */
  #me;
  /** @type {Map<string, RoomView>} */
  #views = new Map();
  /** @type {RoomView | undefined} */
  #current;

  constructor() {
    // No link: the part of the address after the # names a room.
    byId('skip').addEventListener('click', () => this.#composer.focus());
    byId('open-room-form').addEventListener('submit', (event) => this.#openTyped(event));
    byId('sign-out').addEventListener('click', () => this.#signOut());
    byId('banner-sign-out').addEventListener('click', () => this.#signOut());
    byId('banner-retry').addEventListener('click', () => this.#client?.connect());
    byId('copy-link').addEventListener('click', () => void this.#copyLink(byId('copy-link')));
    byId('jump').addEventListener('click', () => this.#jump());
    addEventListener('hashchange', () => this.#followLink());
    addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !this.#drawers.close() && this.#current) this.#jump();
    });
    document.addEventListener('visibilitychange', () => this.#render());
    const room = roomOfLink();
    if (this.#session.isResumable && this.#session.name) this.#enter(room || (this.#session.rooms[0] ?? 'general'));
    else this.#entrance.show(room || 'general');
  }

  /** @param {string} room */
  #enter(room) {
    this.#client = new RealtimeClient(ENDPOINT, {
      token: this.#session.token,
      outbox: { storage: sessionOutbox() },
    });
    this.#client.on('state', (state) => this.#connectionChanged(state));
    for (const name of this.#session.rooms) this.#open(name);
    this.#entrance.hide();
    byId('chat').hidden = false;
    this.#goTo(room);
    // Not where that brings up a keyboard, which nobody asked for.
    if (matchMedia('(hover: hover)').matches) this.#composer.focus();
  }

  #signOut(problem = '', field = /** @type {'name' | 'token' | undefined} */ (undefined)) {
    const room = this.#current?.name ?? 'general';
    this.#client?.close();
    for (const view of this.#views.values()) view.close();
    this.#views.clear();
    this.#client = this.#current = this.#me = undefined;
    this.#session.end();
    this.#drawers.close(false);
    this.#connection.show({ status: 'idle' });
    byId('chat').hidden = true;
    document.title = 'Rookery';
    this.#entrance.show(room, problem, field);
  }

  /** @param {ConnectionState} state */
  #connectionChanged(state) {
    if (state.status === 'connected') this.#me = state.user;
    if (state.status === 'disconnected') {
      const { cause } = state;
      if (cause instanceof TokenNeededError) return this.#signOut('', 'token');
      if (cause instanceof NameRefusedError) return this.#signOut(cause.message, 'name');
    }
    this.#connection.show(state);
    byId('chat').dataset['link'] = state.status === 'connected' ? 'up' : 'down';
    this.#render();
  }

  /** @param {string} name */
  #open(name) {
    const known = this.#views.get(name);
    if (known) return known;
    if (!this.#client) throw new Error('expected a client: enter before opening a room');
    const view = new RoomView(this.#client, name, {
      me: () => this.#me,
      onChange: () => this.#render(),
      onInvite: (button) => void this.#copyLink(button),
    });
    this.#views.set(name, view);
    byId('room-views').append(view.element);
    byId('people-views').append(view.people.element);
    this.#session.rememberRooms([...this.#views.keys()]);
    return view;
  }

  /** @param {string} name */
  #goTo(name) {
    const view = this.#open(name);
    if (view !== this.#current) {
      if (this.#current) this.#current.draft = this.#composer.draft;
      this.#current?.hide();
      this.#current = view;
      view.show();
      this.#composer.draft = view.draft;
      announce(`Room ${name}`);
    }
    if (roomOfLink() !== name) location.hash = encodeURIComponent(name);
    this.#drawers.close(false);
    this.#render();
  }

  /** @param {string} name */
  #leave(name) {
    this.#views.get(name)?.close();
    this.#views.delete(name);
    this.#session.rememberRooms([...this.#views.keys()]);
    const next = [...this.#views.keys()].at(-1) ?? 'general';
    if (this.#current?.name === name) {
      this.#current = undefined;
      this.#goTo(next);
    } else this.#render();
    byId('rooms').querySelector('a')?.focus();
  }

  #followLink() {
    const name = roomOfLink();
    if (name && this.#client) this.#goTo(name);
    else if (name) this.#entrance.show(name);
  }

  /** @param {Event} event */
  #openTyped(event) {
    event.preventDefault();
    const input = /** @type {HTMLInputElement} */ (byId('open-room'));
    const name = input.value.trim().replace(/^#/, '');
    const problem = roomNameProblem(name);
    byId('open-room-error').textContent = problem;
    input.ariaInvalid = String(problem !== '');
    if (problem) return input.focus();
    input.value = '';
    this.#goTo(name);
    this.#composer.focus();
  }

  #jump() {
    this.#current?.messages.follow();
    this.#composer.focus();
  }

  /** @param {HTMLElement} button */
  async #copyLink(button) {
    const url = new URL(location.href);
    url.hash = encodeURIComponent(this.#current?.name ?? 'general');
    const label = button.querySelector('.copy-label') ?? button;
    const before = label.textContent;
    try {
      await navigator.clipboard.writeText(url.href);
      label.textContent = 'Copied';
      announce('The link is copied');
    } catch {
      // A page in an insecure context has no clipboard. The address bar has the same link.
      label.textContent = 'Copy the address above';
    }
    setTimeout(() => (label.textContent = before), 2_000);
  }

  #render() {
    const view = this.#current;
    if (!view) return;
    byId('room-name').textContent = view.name;
    byId('self-name').textContent = this.#me?.name ?? this.#session.name;
    byId('self-bird').replaceChildren(bird(this.#me?.id));
    // Whoever is in a room is one of its people: with none, nobody has said yet who is there.
    const count = view.people.count > 0 ? String(view.people.count) : '';
    byId('people-count').textContent = byId('people-count-short').textContent = count;
    this.#composer.use(view.name, view.refusal === undefined);
    this.#renderWire(view);
    this.#rooms.render([...this.#views.values()], view);
    const { unseen, isFollowing } = view.messages;
    byId('jump').hidden = isFollowing;
    byId('jump-text').textContent = unseen === 0 ? 'Latest' : `${unseen} new ${unseen === 1 ? 'message' : 'messages'}`;
    const elsewhere = [...this.#views.values()].some((other) => other !== view && other.messages.unseen > 0);
    byId('elsewhere').hidden = !elsewhere;
    const total = [...this.#views.values()].reduce((sum, { messages }) => sum + messages.unseen, 0);
    document.title = `${total > 0 ? `(${total}) ` : ''}#${view.name} – Rookery`;
  }

  /** Everybody who is here sits on the wire, as far as there is room. @param {RoomView} view */
  #renderWire(view) {
    const wire = byId('wire');
    const ids = view.people.userIds.slice(0, BIRDS_ON_THE_WIRE);
    const seated = [...wire.children].map((child) => /** @type {SVGElement} */ (child).dataset['user'] ?? '');
    if (seated.join('\n') === ids.join('\n')) return;
    wire.replaceChildren(
      ...ids.map((id) => {
        const one = bird(id);
        one.dataset['user'] = id;
        if (!seated.includes(id)) one.classList.add('landing');
        return one;
      }),
    );
  }
}

/** The room that the address names. */
function roomOfLink() {
  try {
    const name = decodeURIComponent(location.hash.slice(1));
    return roomNameProblem(name) === '' ? name : '';
  } catch {
    return ''; // No percent-encoding: as good as no room.
  }
}

byId('starting').hidden = true;
byId('endpoint').textContent = ENDPOINT.href.replace(/^http/, 'ws');
new Demo();
