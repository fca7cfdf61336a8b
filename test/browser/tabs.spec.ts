import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { WebSocket } from 'ws';
import { RealtimeClient } from '../../src/client/index.js';
import type { ConnectionState } from '../../src/client/index.js';
import { range } from '../support/chat.js';
import { ServerProcess } from '../support/server-process.js';
import { forge, mint } from '../support/tokens.js';
import { until } from '../support/within.js';
import { TEST_TIMEOUT_MS, launchBrowser } from './support.js';

jest.setTimeout(TEST_TIMEOUT_MS);

const SECRET = 'the secret of the tabs of 32 bytes or more';
const BUNDLE = new URL('../../dist/client/rookery-client-tabs.min.js', import.meta.url).pathname;
const WAIT_MS = 20_000;

/** What a test reads and calls in a page. */
interface PageState {
  readonly client: RealtimeClient;
  /** Real WebSockets that the page made. */
  readonly made: { readonly readyState: number }[];
  readonly offsets: Record<string, number[]>;
  readonly gaps: unknown[];
  /** Offsets of what was sent and acknowledged, or why not. */
  readonly outcomes: (number | string)[];
}

declare global {
  // oxlint-disable-next-line no-var -- only `var` declares a name of `globalThis`.
  var tab: PageState;
}

let browser: Browser;
let server: ServerProcess;
/** Connections that there were when the test began. */
let before: number;
let context: BrowserContext;

beforeAll(async () => {
  browser = await launchBrowser();
  server = await ServerProcess.start({ JWT_SECRET: SECRET });
});

beforeEach(async () => {
  before = server.events('connected').length;
  context = await browser.newContext();
  // The page comes from the server, its script from here.
  await context.route('**/tabs.js', (route) => route.fulfill({ contentType: 'text/javascript', path: BUNDLE }));
});

afterEach(async () => {
  await context.close();
});

afterAll(async () => {
  await browser.close();
  await server.kill();
});

interface OpenOptions {
  readonly user?: string;
  /** Default: one of the user. */
  readonly token?: string;
  readonly withoutLocks?: boolean;
}

/** Opens a tab whose client is in these rooms, or will be. */
async function open(rooms: readonly string[], options: OpenOptions = {}): Promise<Page> {
  const { user = 'u1', token = mint(SECRET, { sub: user, name: user }), withoutLocks = false } = options;
  const page = await context.newPage();
  if (withoutLocks) {
    await page.addInitScript(() => Object.defineProperty(navigator, 'locks', { value: undefined }));
  }
  await page.goto(`${server.httpUrl}/healthz`);
  await page.evaluate(
    async ({ user, token, rooms, script }) => {
      const { createTabsClient } = (await import(script)) as typeof import('../../src/client/tabs/index.js');
      const made: PageState['made'] = [];
      const client = createTabsClient('/ws/chat', {
        user,
        token: () => token,
        WebSocket: class extends WebSocket {
          constructor(url: string, protocols: string[]) {
            super(url, protocols);
            made.push(this);
          }
        },
      });
      const offsets: PageState['offsets'] = {};
      const gaps: PageState['gaps'] = [];
      for (const name of rooms) {
        const seen = (offsets[name] = [] as number[]);
        client.room(name).on('message', ({ offset }) => seen.push(offset ?? NaN));
        client.room(name).on('gap', (gap) => gaps.push(gap));
      }
      globalThis.tab = { client, made, offsets, gaps, outcomes: [] };
    },
    { user, token, rooms, script: '/tabs.js' },
  );
  return page;
}

async function opened(rooms: readonly string[], options?: OpenOptions): Promise<Page> {
  const page = await open(rooms, options);
  await joined(page, rooms);
  return page;
}

/** Waits until something is so in a page; asks seldom, the machine has better things to do. */
const holds = async <Arg>(page: Page, condition: (arg: Arg) => boolean, arg: Arg): Promise<void> => {
  const options = { polling: 50, timeout: WAIT_MS };
  await page.waitForFunction(condition as (arg: unknown) => boolean, arg, options);
};
const joined = (page: Page, rooms: readonly string[]) =>
  holds(page, (names) => names.every((name) => tab.client.room(name).status === 'joined'), rooms);
const hasConnection = (page: Page) => page.evaluate(() => tab.made.some(({ readyState }) => readyState === 1));
const offsets = (page: Page, room: string) => page.evaluate((name) => tab.offsets[name] ?? [], room);
const stateOf = (page: Page): Promise<ConnectionState> => page.evaluate(() => tab.client.state);
const sees = (page: Page, room: string, offset: number | undefined) =>
  holds(page, ([name, last]) => tab.offsets[name]?.at(-1) === last, [room, offset ?? NaN] as const);

/** Sends from a tab and remembers what comes of it there. */
const send = (page: Page, room: string, text: string) =>
  page.evaluate(
    ([name, said]) => {
      const { outcomes, client } = tab;
      void client
        .room(name)
        .send('message', { text: said })
        .then(
          ({ offset }) => outcomes.push(offset ?? NaN),
          (error: unknown) => outcomes.push(String(error)),
        );
    },
    [room, text] as const,
  );

const say = (page: Page, room: string, text: string): Promise<number | undefined> =>
  page.evaluate(async ([name, said]) => (await tab.client.room(name).send('message', { text: said })).offset, [
    room,
    text,
  ] as const);

/** The tab that has the connection, as soon as one has. */
async function theHub(pages: readonly Page[]): Promise<Page> {
  const one = (page: Page) =>
    holds(page, () => tab.made.some(({ readyState }) => readyState === 1), undefined).then(() => page);
  const found = pages.map(one);
  const hub = await Promise.any(found);
  void Promise.allSettled(found); // The others' waits end with their pages, or in vain.
  return hub;
}

/** Connections that the server saw in this test. */
const made = () => server.events('connected').length - before;
const hasOpen = (expected: number) =>
  until(
    `the server has ${expected} connections`,
    () => server.events('connected').length - server.events('disconnected').length === expected,
    WAIT_MS,
  );

let rooms = 0;
const freshRoom = () => `tabs-${++rooms}`;

describe('tabs of one origin', () => {
  it('have one connection, and each has its own rooms on it', async () => {
    const [both, mine] = [freshRoom(), freshRoom()];
    const first = await opened([both]);
    const second = await opened([both, mine]);
    const third = await opened([both]);
    expect(made()).toBe(1);
    const inBoth = await say(third, both, 'to all');
    const inMine = await say(second, mine, 'to one');
    for (const page of [first, second, third]) await sees(page, both, inBoth);
    await sees(second, mine, inMine);
    expect(await offsets(first, mine)).toEqual([]);
    // One leaves, the others stay; the last one leaves for real.
    await first.evaluate((name) => tab.client.room(name).leave(), both);
    await sees(second, both, await say(third, both, 'to two'));
    expect(await offsets(first, both)).toEqual([inBoth]);
    await second.evaluate((name) => tab.client.room(name).leave(), mine);
    expect(made()).toBe(1);
  });

  it('see every frame once and in order while the tab with the connection is closed again and again', async () => {
    const room = freshRoom();
    const publisher = new RealtimeClient(`${server.wsUrl}/ws/chat`, {
      WebSocket,
      token: mint(SECRET, { sub: 'publisher' }),
    });
    const said: Promise<unknown>[] = [];
    const timer = setInterval(() => said.push(publisher.room(room).send('message', { text: 'tick' })), 40);
    try {
      let pages = [await opened([room]), await opened([room]), await opened([room])];
      const outcomes: (number | string)[] = [];
      for (const round of range(1, 3)) {
        const hub = await theHub(pages);
        const others = pages.filter((page) => page !== hub);
        // On their way, in every tab that stays, in the moment in which the connection goes.
        for (const page of others) await send(page, room, `round ${round}`);
        await hub.close();
        for (const page of others) await send(page, room, `round ${round}, without a connection`);
        pages = [...others, await open([room])];
        for (const page of pages) await joined(page, [room]);
      }
      clearInterval(timer);
      await Promise.all(said);
      const { offset: top } = await publisher.room(room).send('message', { text: 'the last' });
      for (const page of pages) {
        await sees(page, room, top);
        const seen = await offsets(page, room);
        expect(seen).toEqual(range(seen[0] ?? NaN, top ?? NaN));
        expect(await page.evaluate(() => tab.gaps)).toEqual([]);
        outcomes.push(...(await page.evaluate(() => tab.outcomes)));
      }
      // Whatever these tabs sent was stored, once each.
      expect(outcomes.filter((outcome) => typeof outcome !== 'number')).toEqual([]);
      const { frames } = await lastFrames(publisher, room);
      const mine = frames.filter(({ userId }) => userId === 'u1').map(({ offset }) => offset);
      expect(mine).toEqual(expect.arrayContaining(outcomes));
      expect(new Set(frames.map(({ id }) => id)).size).toBe(frames.length);
      await hasOpen(2); // The tabs', and the publisher's.
    } finally {
      clearInterval(timer);
      publisher.close();
    }
  });

  it('of two users never share', async () => {
    const room = freshRoom();
    const alice = await opened([room], { user: 'alice' });
    const bob = await opened([room], { user: 'bob' });
    await hasOpen(2);
    expect(await stateOf(alice)).toMatchObject({ user: { id: 'alice' } });
    expect(await stateOf(bob)).toMatchObject({ user: { id: 'bob' } });
    // This one says alice, but who signed in there is mallory.
    const other = await opened([room], { user: 'alice', token: mint(SECRET, { sub: 'mallory' }) });
    expect(await stateOf(other)).toMatchObject({ user: { id: 'alice' } });
    await alice.close();
    await holds(
      other,
      () => tab.client.state.status === 'connected' && tab.client.state.user.id === 'mallory',
      undefined,
    );
    expect(await stateOf(bob)).toMatchObject({ user: { id: 'bob' } });
  });

  it('have a connection each where there are no locks', async () => {
    const room = freshRoom();
    const first = await opened([room], { withoutLocks: true });
    const second = await opened([room], { withoutLocks: true });
    await hasOpen(2);
    await sees(second, room, await say(first, room, 'hello'));
  });

  it('refused for good, all stop and say why', async () => {
    const token = forge(mint(SECRET, { sub: 'u1' }));
    const pages = [await open([freshRoom()], { token }), await open([freshRoom()], { token })];
    for (const page of pages) {
      await holds(
        page,
        () => tab.client.state.status === 'disconnected' && tab.client.state.retryAt === undefined,
        undefined,
      );
      expect(await stateOf(page)).toMatchObject({ code: 1008, reason: 'unauthenticated' });
    }
    await hasOpen(0);
  });

  it('go on while the one with the connection is frozen, which comes back when it is shown again', async () => {
    const room = freshRoom();
    const hub = await opened([room]);
    const other = await opened([room]);
    expect(await hasConnection(hub)).toBe(true);
    const before = await say(other, room, 'before');
    await sees(hub, room, before);
    const devtools = await context.newCDPSession(hub);
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
    const during = await say(other, room, 'during');
    await sees(other, room, during);
    await devtools.send('Page.setWebLifecycleState', { state: 'active' });
    await sees(hub, room, during);
    expect(await offsets(hub, room)).toEqual([before, during]);
    await hasOpen(1);
  });
});

/** The newest frames that are kept, as many as it takes to have seen everything of this room. */
async function lastFrames(client: RealtimeClient, room: string) {
  const frames = [];
  let before: string | undefined;
  for (;;) {
    const page = await client.room(room).history({ limit: 100, ...(before === undefined ? {} : { before }) });
    frames.unshift(...page.frames);
    if (page.complete) return { frames };
    before = page.cursor;
  }
}
