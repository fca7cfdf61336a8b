import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import type { Crew } from './crew.js';
import type { LedgerEntry, Tell } from './entries.js';
import type { CrewInPage } from './page-crew.in-page.js';
import type { ParticipantPlace, ParticipantSpec } from './participant.js';

declare global {
  /** What the bundle of page-crew.in-page.ts leaves in the page. */
  var ledgerCrew: { crew: CrewInPage };
}

/** Participants in a page of a browser, with the client that the server serves. */
export class PageCrew implements Crew {
  private constructor(
    private readonly page: Page,
    private readonly token: ParticipantPlace['token'],
  ) {}

  /** `httpUrl`: a server's, that serves the page; needed in this moment alone. */
  static async open(browser: Browser, httpUrl: string, token: ParticipantPlace['token']): Promise<PageCrew> {
    // The page's policy lets it talk to its own server alone, and every participant has a network of its own.
    const context = await browser.newContext({ bypassCSP: true });
    const page = await context.newPage();
    await page.goto(`${httpUrl}/healthz`);
    return new PageCrew(page, token);
  }

  async begin(specs: readonly ParticipantSpec[], tell: Tell): Promise<void> {
    const { page } = this;
    page.on('pageerror', (error) => tell({ kind: 'crashed', client: 'the page', message: String(error) }));
    page.on('crash', () => tell({ kind: 'crashed', client: 'the page', message: 'its process has ended' }));
    await page.exposeFunction('ledgerToken', this.token);
    await page.exposeFunction('ledgerTell', (entries: LedgerEntry[]) => entries.forEach(tell));
    await page.addScriptTag({ content: await bundle() });
    await page.evaluate((all) => ledgerCrew.crew.begin(all), specs);
  }

  async talk(): Promise<void> {
    await this.page.evaluate(() => ledgerCrew.crew.talk());
  }

  async hush(): Promise<void> {
    await this.page.evaluate(() => ledgerCrew.crew.hush());
  }

  async lastWords(): Promise<void> {
    await this.page.evaluate(() => ledgerCrew.crew.lastWords());
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}

/** The participants as one script that a page can load. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page-crew.in-page.ts', import.meta.url))],
    bundle: true,
    format: 'iife',
    globalName: 'ledgerCrew',
    target: 'es2022',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}
