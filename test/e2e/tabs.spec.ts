import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import type { ClientRoom, GapEvent, RealtimeClient, RealtimeClientOptions } from '../../src/client/index.js';
import type { WebSocketLike } from '../../src/client/index.js';
import { tabsClient } from '../../src/client/tabs/tabs-client.js';
import { FakeBrowser } from '../../src/client/tabs/tabs.double.js';
import type { FakePage } from '../../src/client/tabs/tabs.double.js';
import { freshRoom, freshUser, range } from '../support/chat.js';
import { startChat } from '../support/chat-server.js';
import type { ChatServer } from '../support/chat-server.js';
import { quote } from '../support/ticker.js';
import { until } from '../support/within.js';

/** One tab and what its application saw in one room. */
interface Tab {
  readonly page: FakePage;
  readonly client: RealtimeClient;
  readonly room: ClientRoom;
  readonly offsets: number[];
  readonly gaps: GapEvent[];
  /** Real connections that this tab made, the last one last. */
  readonly made: WebSocketLike[];
}

describe('tabs that share a connection, against a server', () => {
  let chat: ChatServer;
  let browser: FakeBrowser;
  let tabs: Tab[];
  let user: string;

  beforeEach(async () => {
    chat = await startChat();
    browser = new FakeBrowser();
    tabs = [];
    user = freshUser('alice');
  });

  afterEach(async () => {
    for (const { client } of tabs) client.close();
    await chat.close();
  });

  function open(room: string, options: RealtimeClientOptions = {}, path = '/ws/chat'): Tab {
    const page = browser.page();
    const made: WebSocketLike[] = [];
    const client = tabsClient(
      `${chat.url}${path}`,
      {
        user,
        token: () => chat.token(user),
        random: () => 0,
        WebSocket: class extends WebSocket {
          constructor(url: string, protocols: string[]) {
            super(url, protocols);
            made.push(this);
          }
        },
        ...options,
      },
      page,
    );
    const tab: Tab = { page, client, room: client.room(room), offsets: [], gaps: [], made };
    tab.room.on('message', ({ offset }) => tab.offsets.push(offset ?? NaN));
    tab.room.on('gap', (gap) => tab.gaps.push(gap));
    tabs.push(tab);
    return tab;
  }

  const joined = (...opened: Tab[]) =>
    until('they are in the room', () => opened.every(({ room }) => room.status === 'joined'));
  const hasConnection = ({ made }: Tab) => made.some(({ readyState }) => readyState === 1);
  const theHub = () => tabs.findIndex(hasConnection);

  /** A tab that is closed without a word: the browser frees its locks, its socket ends. */
  function crash(tab: Tab): void {
    tab.page.crash();
    tab.client.close();
    for (const socket of tab.made) (socket as WebSocket).terminate();
    tabs = tabs.filter((other) => other !== tab);
  }

  it('shows every frame once and in order in every tab while the tab with the connection is closed again and again', async () => {
    const room = freshRoom();
    const publish = (text: string) => chat.realtime.to(`chat/${room}`).publish('message', { text });
    open(room);
    open(room);
    const witness = open(room);
    await joined(...tabs);
    let stopped = false;
    let published = 0;
    const publisher = (async () => {
      while (!stopped) {
        await publish(`frame ${++published}`);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    const sent: Promise<unknown>[] = [];
    for (const round of range(1, 6)) {
      const before = published;
      await until('frames were published', () => published > before + 20);
      for (const tab of tabs) sent.push(tab.room.send('message', { text: `${round}` }));
      await until('somebody has the connection', () => theHub() >= 0);
      // The witness gives the connection up as well, but is not closed: it goes on seeing.
      const hub = tabs[theHub()] as Tab;
      if (hub === witness) {
        hub.page.sleep();
        hub.page.wake();
      } else crash(hub);
      open(room);
      await joined(...tabs);
    }
    stopped = true;
    await publisher;
    const outcomes = await Promise.allSettled(sent.map((promise) => promise));
    const { offset: top = NaN } = await publish('the last');
    await until('everybody saw the last one', () => tabs.every(({ offsets }) => offsets.at(-1) === top));
    for (const { offsets, gaps } of tabs) {
      expect(gaps).toEqual([]);
      expect(offsets).toEqual(range(offsets[0] ?? NaN, top));
    }
    expect(witness.offsets).toHaveLength(top - (witness.offsets[0] ?? NaN) + 1);
    // A tab that was closed never hears of what it sent; everybody else has an answer, and each was stored once.
    const acknowledged = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [(outcome.value as { offset: number }).offset] : [],
    );
    expect(new Set(acknowledged).size).toBe(acknowledged.length);
    expect(acknowledged.length).toBeGreaterThanOrEqual(sent.length - 6);
    expect(tabs.filter(hasConnection)).toHaveLength(1);
  });

  it('gives each tab the present frames of a room of kind latest when it joins, and all tabs after a cut', async () => {
    const room = freshRoom();
    await quote(chat.realtime, room, 'a', 1);
    const watchers: { readonly tab: Tab; readonly prices: unknown[] }[] = [];
    async function watchTab(): Promise<void> {
      const tab = open(room, {}, '/ws/ticker');
      const prices: unknown[] = [];
      tab.room.on('price', (frame) => prices.push((frame as unknown as { price: number }).price));
      watchers.push({ tab, prices });
      await joined(tab);
    }
    const everybodyHas = (price: number) =>
      until(`everybody has ${price}`, () => watchers.every(({ prices }) => prices.at(-1) === price));
    await watchTab();
    await everybodyHas(1);
    await watchTab();
    await everybodyHas(1);
    await quote(chat.realtime, room, 'a', 2);
    await everybodyHas(2);
    expect(tabs.filter(hasConnection)).toHaveLength(1);
    for (const { prices } of watchers) prices.splice(0);
    for (const socket of tabs.flatMap(({ made }) => made)) (socket as WebSocket).terminate();
    await everybodyHas(2);
    for (const { tab } of watchers) expect(tab.gaps).toEqual([]);
  });
});
