import { Window } from 'happy-dom';
import type { ReactNode } from 'react';
import { FakeNetwork, FakeSignals, ManualClock } from '../client/client.double.js';
import type { FakeSocket, Frame } from '../client/client.double.js';
import { RealtimeClient } from '../client/index.js';
import type { RealtimeClientOptions } from '../client/index.js';
import { say } from '../client/realtime-client.double.js';

// React looks for a document when it is loaded, so it is loaded after there is one.
const window = new Window();
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
if (!('navigator' in globalThis)) Object.assign(globalThis, { navigator: window.navigator }); // Node 20 has none.
const { act, createElement, StrictMode } = await import('react');
const { createRoot } = await import('react-dom/client');
const { RealtimeProvider } = await import('./index.js');

/** Components around a client whose server is this test. */
export class Stage {
  readonly clock = new ManualClock();
  readonly network = new FakeNetwork();
  readonly client: RealtimeClient;
  readonly #container = document.createElement('main');
  readonly #root = createRoot(this.#container);

  constructor(options: RealtimeClientOptions = {}) {
    this.client = new RealtimeClient('ws://127.0.0.1/ws/chat', {
      clock: this.clock,
      signals: new FakeSignals(),
      WebSocket: this.network.WebSocket,
      random: () => 0,
      ...options,
    });
  }

  /** Renders below the provider, in StrictMode unless it is told otherwise. */
  async render(children: ReactNode, { strict = true } = {}): Promise<void> {
    const app = createElement(RealtimeProvider, { client: this.client }, children);
    await act(async () => this.#root.render(strict ? createElement(StrictMode, undefined, app) : app));
  }

  /** What is on the page. */
  get text(): string {
    return this.#container.textContent ?? '';
  }

  /** The client's n-th socket (from 1), welcomed. */
  async welcome(nth = 1): Promise<FakeSocket> {
    const socket = await this.network.socket(nth);
    await act(async () => socket.welcome());
    return socket;
  }

  /** The socket of a client that is in `general` from `e.0`, with as many members. */
  async joined(members = 1): Promise<FakeSocket> {
    const socket = await this.welcome();
    await act(async () => socket.joined('general', 'e.0', { members }));
    return socket;
  }

  /** Cuts the connection and makes the next one, up to its welcome. */
  async cut(): Promise<FakeSocket> {
    await act(async () => this.network.sockets.at(-1)?.end());
    await act(async () => this.clock.advance(250));
    return this.welcome(this.network.sockets.length);
  }

  /** Something happens, and React is done with it. */
  async do(step: () => unknown): Promise<void> {
    await act(async () => {
      await step();
    });
  }

  async unmount(): Promise<void> {
    await act(async () => this.#root.unmount());
    this.client.close();
  }
}

/** A message of the room `general`. */
export function message(offset: number | undefined, text = `text ${offset}`, fields: Frame = {}): Frame {
  return say(offset, { text, ...fields });
}

/** Somebody came to the room `general` or left it. */
export function announcement(event: 'joined' | 'left', userId: string, members: number): Frame {
  const timestamp = '2026-11-22T10:00:00.000Z';
  return { type: 'system', event, room: 'general', userId, user: `name of ${userId}`, members, text: '', timestamp };
}
