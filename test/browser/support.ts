import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { WebSocket } from 'ws';
import { RealtimeClient } from '../../src/client/index.js';
import type { ClientRoom } from '../../src/client/index.js';

/** How long a test with a browser may take on a slow machine. */
export const TEST_TIMEOUT_MS = 60_000;
/** How long one wait in it may take: a page that reconnects may be waiting for some seconds. */
const WAIT_MS = 20_000;

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Starts Chromium: the one that `CHROMIUM` names, else the one on the PATH. Close it in the end. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? onPath(),
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

function onPath(): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of NAMES) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not in this folder: the next one may have it.
      }
    }
  }
  throw new Error('expected Chromium in CHROMIUM or on the PATH, found none: install it or set CHROMIUM=/path/to/it');
}

/** The demo page in a window of its own, as somebody sees and uses it. */
export class DemoPage {
  /** What went wrong on the page: errors on its console, errors that nobody caught, violations of its policy. */
  readonly problems: string[] = [];

  private constructor(readonly page: Page) {
    page.setDefaultTimeout(WAIT_MS);
    page.on('console', (message) => {
      if (message.type() === 'error') this.problems.push(message.text());
    });
    page.on('pageerror', (error) => this.problems.push(String(error)));
  }

  /** Opens an address in a fresh profile. */
  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<DemoPage> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const demo = new DemoPage(await context.newPage());
    await demo.page.addInitScript(() =>
      document.addEventListener('securitypolicyviolation', (event) =>
        console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`),
      ),
    );
    await demo.page.goto(url);
    return demo;
  }

  /** Fills in the first screen and waits until the connection is there. */
  async enter(name: string): Promise<this> {
    await this.page.getByLabel('Your name').fill(name);
    await this.page.getByRole('button', { name: 'Enter the room' }).click();
    return this.connected();
  }

  async connected(): Promise<this> {
    await this.status('Connected').waitFor({ state: 'attached' });
    return this;
  }

  /** The word about the connection in the corner. */
  status(text: string | RegExp): Locator {
    return this.page.locator('#status-text').filter({ hasText: text });
  }

  /** The field for messages of the room on the screen. */
  get field(): Locator {
    return this.page.getByRole('textbox', { name: /^Message to/ });
  }

  async say(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press('Enter');
  }

  /** Where the messages of the room on the screen scroll. */
  get log(): Locator {
    return this.page.getByRole('log');
  }

  /** Waits until a message with this text is on the screen. */
  async sees(text: string): Promise<void> {
    await this.log.locator('.text', { hasText: text }).first().waitFor({ state: 'attached' });
  }

  /** The texts of the messages in the room on the screen, from above to below. */
  texts(): Promise<string[]> {
    return this.log.locator('.message .text').allTextContents();
  }

  /** Who is listed, from above to below. */
  people(): Promise<string[]> {
    return this.page.locator('.people-list:visible .person-name').allTextContents();
  }

  /** Waits until something on the page is so. */
  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + WAIT_MS;
    while (!(await holds())) {
      if (Date.now() > end)
        throw new Error(`waited ${WAIT_MS} ms until ${what}; the page says:\n${await this.outline()}`);
      await this.page.evaluate(() => new Promise(requestAnimationFrame));
    }
  }

  private outline(): Promise<string> {
    return this.page.locator('body').ariaSnapshot();
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

/** Somebody who talks in a room without a browser. */
export class Guest {
  private constructor(
    private readonly client: RealtimeClient,
    readonly room: ClientRoom,
  ) {}

  /** Joins a room of a server that gives out tokens for development. */
  static async join(httpUrl: string, room: string, name: string): Promise<Guest> {
    const client = new RealtimeClient(`${httpUrl}/ws/chat`, { WebSocket, token: () => devToken(httpUrl, name) });
    const joined = client.room(room);
    await new Promise<void>((resolve) => joined.on('joined', () => resolve()));
    return new Guest(client, joined);
  }

  /** Says these one after the other. Resolves when the server has them all. */
  async say(...texts: string[]): Promise<void> {
    await Promise.all(texts.map((text) => this.room.send('message', { text })));
  }

  leave(): void {
    this.client.close();
  }
}

async function devToken(httpUrl: string, name: string): Promise<string> {
  const response = await fetch(`${httpUrl}/dev/token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  return ((await response.json()) as { token: string }).token;
}
