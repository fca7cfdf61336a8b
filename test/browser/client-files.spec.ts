import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { ServerProcess } from '../support/server-process.js';
import { TEST_TIMEOUT_MS, launchBrowser } from './support.js';

jest.setTimeout(TEST_TIMEOUT_MS);

describe('the client as a single file', () => {
  let browser: Browser;
  let server: ServerProcess;
  let page: Page;

  beforeAll(async () => {
    server = await ServerProcess.start({ ALLOW_ANONYMOUS: 'true' });
    browser = await launchBrowser();
    page = await (await browser.newContext()).newPage();
    // A page of the server's own origin, with nothing on it.
    await page.goto(`${server.httpUrl}/healthz`);
  });

  afterAll(async () => {
    await browser.close();
    await server.kill();
  });

  it('is loaded by a plain script tag, and talks', async () => {
    await page.addScriptTag({ url: '/rookery-client.global.js' });
    const offset = await page.evaluate(async () => {
      type Exports = typeof import('../../src/client/index.js');
      const { RealtimeClient } = (globalThis as unknown as { Rookery: Exports }).Rookery;
      const client = new RealtimeClient('/ws/chat');
      const sent = await client.room('files').send('message', { text: 'from a script' });
      client.close();
      return sent.offset;
    });
    expect(offset).toBe(1);
  });

  it('is imported as a module, and talks', async () => {
    const offset = await page.evaluate(async () => {
      const file = '/rookery-client.js';
      const { RealtimeClient } = (await import(file)) as typeof import('../../src/client/index.js');
      const client = new RealtimeClient('/ws/chat');
      const sent = await client.room('files').send('message', { text: 'from a module' });
      client.close();
      return sent.offset;
    });
    expect(offset).toBe(2);
  });

  it.each(['rookery-client.js', 'rookery-client.global.js'])(
    '%s names its source map, which is there',
    async (name) => {
      const text = await (await fetch(`${server.httpUrl}/${name}`)).text();
      const map = /\/\/# sourceMappingURL=(\S+)\s*$/.exec(text)?.[1];
      const response = await fetch(`${server.httpUrl}/${map}`);
      expect(response.status).toBe(200);
      expect(((await response.json()) as { sources: string[] }).sources).toContain(
        '../../src/client/realtime-client.ts',
      );
    },
  );
});
