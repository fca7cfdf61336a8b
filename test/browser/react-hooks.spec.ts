import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { ServerProcess } from '../support/server-process.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import type { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/within.js';
import { Guest, TEST_TIMEOUT_MS, launchBrowser } from './support.js';

jest.setTimeout(TEST_TIMEOUT_MS);

/** How long one wait may take: a page that reconnects may be waiting for some seconds. */
const WAIT_MS = 20_000;
const BY_ITSELF = /^(Failed to load resource|WebSocket connection)/;

let browser: Browser;
let script: string;
/** Ended in the reverse order, whatever a test made of them. */
let cleanUp: (() => unknown)[];

beforeAll(async () => {
  browser = await launchBrowser();
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'fixtures/react-page.ts')],
    bundle: true,
    format: 'esm',
    write: false,
    // In production StrictMode mounts once only.
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  script = outputFiles[0]?.text ?? '';
});

beforeEach(() => {
  cleanUp = [];
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  for (const end of cleanUp.reverse()) await end();
});

afterAll(() => browser.close());

/** The page of the hooks, on a server behind a proxy that Bob reaches past it. */
class HooksPage {
  /** What the page sent, on all its connections: type and room. */
  readonly sent: string[] = [];
  readonly problems: string[] = [];

  private constructor(
    readonly page: Page,
    readonly proxy: TcpProxy,
    readonly guest: Guest,
  ) {}

  static async open(said: readonly string[] = []): Promise<HooksPage> {
    const server = await ServerProcess.start({});
    cleanUp.push(() => server.kill());
    const proxy = await startTcpProxy(server.port);
    cleanUp.push(() => proxy.close());
    const guest = await Guest.join(server.httpUrl, 'general', 'Bob');
    cleanUp.push(() => guest.leave());
    await guest.say(...said);
    const hooks = new HooksPage(await browser.newPage({ bypassCSP: true }), proxy, guest);
    await hooks.#load();
    return hooks;
  }

  async #load(): Promise<void> {
    const { page } = this;
    page.on('pageerror', (error) => this.problems.push(String(error)));
    page.on('console', (message) => {
      // A connection that fails and an icon that is not there are logged by the browser itself.
      if (message.type() === 'error' && !BY_ITSELF.test(message.text())) this.problems.push(message.text());
    });
    page.on('websocket', (socket) =>
      socket.on('framesent', ({ payload }) => {
        const frame = JSON.parse(String(payload)) as { type: string; room?: string };
        if (frame.room !== undefined) this.sent.push(`${frame.type} ${frame.room}`);
      }),
    );
    // An answer of the server itself: what a test makes up counts as another machine's, which may not reach this one.
    await page.goto(`http://127.0.0.1:${this.proxy.port}/healthz`);
    await page.addScriptTag({ type: 'module', content: script });
    await this.shows('#status', 'connected');
  }

  async shows(selector: string, text: string): Promise<void> {
    const found = this.page
      .locator(selector, { hasText: text })
      .first()
      .waitFor({ state: 'attached', timeout: WAIT_MS });
    await found.catch(async (error: Error) => {
      const shown = await this.page.locator('body').innerText();
      throw new Error(`${error.message}\nshown:\n${shown}\nsent: ${this.sent.join(', ')}; ${this.problems.join('\n')}`);
    });
  }

  texts(selector = '#messages li'): Promise<string[]> {
    return this.page.locator(selector).allTextContents();
  }

  count(frame: string): number {
    return this.sent.filter((sent) => sent === frame).length;
  }
}

describe('the hooks in a browser', () => {
  it('join once for two components in StrictMode, ask who is there once, and leave once when they are gone', async () => {
    const hooks = await HooksPage.open();
    await hooks.shows('#people', 'joined 2: Alice, Bob');
    const left = new Promise<string>((resolve) =>
      hooks.guest.room.on('system', ({ event, user }) => resolve(`${user} ${event}`)),
    );
    await hooks.page.locator('#toggle').click();
    expect(await left).toBe('Alice left');
    // The browser tells of a frame after it has left: the guest may hear of it first.
    await until('the page was seen to leave', () => hooks.count('leave general') > 0);
    expect(hooks.sent.toSorted()).toEqual(['history general', 'join general', 'leave general', 'presence general']);
    await hooks.page.locator('#toggle').click();
    await hooks.shows('#people', 'joined 2: Alice, Bob');
    expect([hooks.count('join general'), hooks.problems]).toEqual([2, []]);
  });

  it('show each message once and in order through cuts, the own one too', async () => {
    const hooks = await HooksPage.open();
    const { guest, page, proxy } = hooks;
    const said: string[] = [];
    for (let round = 1; round <= 3; round += 1) {
      await guest.say(`before ${round}`);
      await hooks.shows('#messages li', `before ${round}`);
      proxy.block();
      await hooks.shows('#status', 'lost by');
      await guest.say(`during ${round}`, `still during ${round}`);
      proxy.mend();
      await guest.say(`after ${round}`);
      await hooks.shows('#messages li', `after ${round}`);
      said.push(`before ${round}`, `during ${round}`, `still during ${round}`, `after ${round}`);
    }
    proxy.block();
    await hooks.shows('#status', 'lost by');
    await page.locator('#say').click();
    await hooks.shows('#pending li', 'said by Alice');
    proxy.mend();
    await hooks.shows('#messages li', 'said by Alice');
    expect(await hooks.texts()).toEqual([...said, 'said by Alice']);
    expect([await hooks.texts('#pending li'), await hooks.texts('#gap')]).toEqual([[], ['whole']]);
    expect(hooks.problems).toEqual([]);
  });

  it('load earlier messages page by page, the newest first', async () => {
    const texts = Array.from({ length: 12 }, (_, i) => `text ${i + 1}`);
    const hooks = await HooksPage.open(texts);
    await hooks.shows('#messages li', 'text 12');
    expect(await hooks.texts()).toEqual(texts.slice(-5));
    await hooks.page.locator('#earlier').click();
    await hooks.shows('#messages li', 'text 3');
    await hooks.page.locator('#earlier').click();
    await hooks.page.locator('#earlier[disabled]').waitFor();
    expect(await hooks.texts()).toEqual(texts);
  });
});
