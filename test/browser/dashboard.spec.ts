import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { ServerProcess } from '../support/server-process.js';
import { DemoPage, Guest, TEST_TIMEOUT_MS, launchBrowser } from './support.js';

jest.setTimeout(TEST_TIMEOUT_MS);

const KEY = 'the-admin-key-of-the-dashboard-tests';

let browser: Browser;
let server: ServerProcess;
let bob: Guest;

beforeAll(async () => {
  [browser, server] = await Promise.all([launchBrowser(), ServerProcess.start({ ADMIN_KEY: KEY })]);
  bob = await Guest.join(server.httpUrl, 'general', 'Bob');
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});

afterAll(async () => {
  bob.leave();
  await browser.close();
  await server.kill();
});

async function open(options: BrowserContextOptions = {}) {
  const { page, problems } = await DemoPage.open(browser, `${server.httpUrl}/dashboard`, options);
  return { page, problems };
}

/** By keyboard alone: the field has the focus already. */
async function enter(options: BrowserContextOptions = {}) {
  const opened = await open(options);
  await opened.page.getByLabel('Admin key').waitFor();
  await opened.page.keyboard.type(KEY);
  await opened.page.keyboard.press('Enter');
  await opened.page.getByText('Live: 1 pod').waitFor();
  return opened;
}

describe('the dashboard', () => {
  it('shows live figures of the pods to who types the key, by keyboard alone, and breaks no policy', async () => {
    const { page, problems } = await enter();
    await bob.say('one', 'two', 'three');
    const tile = (label: string) => page.locator('.tile', { hasText: label }).locator('dd');
    await page.locator('.tile dd', { hasText: /ms$/ }).waitFor();
    expect(await tile('Connections').textContent()).toBe('1');
    expect(await tile('Rooms').textContent()).toBe('1');
    const row = page.locator('#pods tr');
    expect(await row.count()).toBe(1);
    expect(await row.locator('.health').textContent()).toBe('ok');
    expect(problems).toEqual([]);
  });

  it('keeps the key in this tab alone, and forgets it when it is told to', async () => {
    const { page } = await enter();
    await page.reload();
    await page.getByText('Live: 1 pod').waitFor();
    expect(await page.evaluate(() => [localStorage.length, document.cookie])).toEqual([0, '']);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await other.getByLabel('Admin key').waitFor();
    await page.getByRole('button', { name: 'Forget the key' }).click();
    await page.getByLabel('Admin key').waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    expect(await page.getByLabel('Admin key').inputValue()).toBe('');
  });

  it('says that a wrong key is not accepted, and shows nothing', async () => {
    const { page } = await open();
    await page.getByLabel('Admin key').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByText('This key is not accepted.').waitFor();
    expect(await page.locator('#board').isVisible()).toBe(false);
  });

  it('says since when there is no connection, keeps the last figures, and goes on by itself', async () => {
    const { page } = await enter();
    await page.context().setOffline(true);
    await page.getByText(/^No connection since \d/).waitFor();
    expect(await page.locator('#pods tr').count()).toBe(1);
    await page.context().setOffline(false);
    await page.getByText('Live: 1 pod').waitFor();
  });

  it('shows a pod that no longer answers as silent, until it is taken off', async () => {
    const own = await ServerProcess.start({ ADMIN_KEY: KEY });
    const { page } = await DemoPage.open(browser, `${own.httpUrl}/dashboard`);
    await page.getByLabel('Admin key').fill(KEY);
    await page.keyboard.press('Enter');
    await page.getByText('Live: 1 pod').waitFor();
    await own.kill();
    const again = await own.restart(); // Another process, so another pod.
    await page.getByText(/^no answer since \d/).waitFor();
    expect(await page.locator('#pods tr').count()).toBe(2);
    await page.getByRole('button', { name: /^Take .* off$/ }).click();
    expect(await page.locator('#pods tr').count()).toBe(1);
    await again.kill();
  });

  it.each([320, 700, 1280])('fits a window that is %d wide', async (width) => {
    const { page } = await enter({ viewport: { width, height: 800 } });
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    expect(await overflow()).toBeLessThanOrEqual(0);
    const { DASHBOARD_SHOTS: folder } = process.env;
    if (folder) {
      await bob.say('one', 'two');
      await page.waitForFunction(() => document.querySelector('.tile polyline')?.getAttribute('points')?.includes(' '));
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: `${folder}/${width}-${colorScheme}.png`, fullPage: true });
      }
      await page.getByRole('button', { name: 'Forget the key' }).click();
      await page.screenshot({ path: `${folder}/${width}-entrance.png` });
    }
  });
});
