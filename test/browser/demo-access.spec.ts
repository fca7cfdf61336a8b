import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { ServerProcess } from '../support/server-process.js';
import { DemoPage, Guest, TEST_TIMEOUT_MS, launchBrowser } from './support.js';

jest.setTimeout(TEST_TIMEOUT_MS);

let browser: Browser;
let server: ServerProcess;
let bob: Guest;

beforeAll(async () => {
  [browser, server] = await Promise.all([launchBrowser(), ServerProcess.start()]);
  bob = await Guest.join(server.httpUrl, 'general', 'Bob');
  await bob.say('A message with a very long word: ' + 'caw'.repeat(120), 'and a short one');
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});

afterAll(async () => {
  bob.leave();
  await browser.close();
  await server.kill();
});

const open = (options: Parameters<typeof DemoPage.open>[2] = {}) =>
  DemoPage.open(browser, `${server.httpUrl}/#general`, options);

/** What has the focus, by its role and name as assistive technology hears it. */
async function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement as HTMLElement;
    const label = (element as HTMLInputElement).labels?.[0]?.textContent ?? element.ariaLabel ?? element.innerText;
    return `${element.localName} ${label.replaceAll(/\s+/g, ' ').trim()}`;
  });
}

/** Says whether what has the focus shows it: by an outline of its own, or of the frame around it. */
async function showsFocus(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const outlined = (element: Element | null) => {
      const style = element && getComputedStyle(element);
      return style ? style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2 : false;
    };
    return outlined(document.activeElement) || outlined(document.activeElement?.closest('.prefixed') ?? null);
  });
}

/** Interactive elements without a name, and ids that are there twice. */
async function nameless(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const named = (element: Element) =>
      element.ariaLabel ||
      (element as HTMLInputElement).labels?.[0]?.textContent?.trim() ||
      (element.localName === 'input' || element.localName === 'textarea' ? '' : element.textContent?.trim());
    const faulty = [...document.querySelectorAll('a, button, input, textarea, nav, aside, [role="log"]')]
      .filter((element) => element.checkVisibility() && !named(element) && !element.hasAttribute('aria-labelledby'))
      .map((element) => element.outerHTML.slice(0, 120));
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    return [...faulty, ...ids.filter((id, index) => ids.indexOf(id) !== index)];
  });
}

/** Visible texts whose contrast with what lies under them is below 4.5 (WCAG 2.2, 1.4.3). */
async function faint(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    if (!canvas) throw new Error('expected a canvas');
    /** Colours from below to above as one, in linear light's weights. */
    const luminance = (colours: readonly string[]) => {
      canvas.clearRect(0, 0, 1, 1);
      for (const colour of colours) {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
      }
      const [red = 0, green = 0, blue = 0] = [...canvas.getImageData(0, 0, 1, 1).data].map((value) => {
        const share = value / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const found: string[] = [];
    for (const element of document.querySelectorAll<HTMLElement>('body *')) {
      const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim());
      const isSeen = element.checkVisibility({ visibilityProperty: true }) && element.getBoundingClientRect().width > 2;
      const isOff = element.closest(':disabled') || element.localName === 'option';
      if (!hasText || !isSeen || isOff) continue;
      const under: string[] = [];
      for (let at: Element | null = element; at; at = at.parentElement)
        under.unshift(getComputedStyle(at).backgroundColor);
      const [a, b] = [luminance(under), luminance([...under, getComputedStyle(element).color])];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (contrast < 4.5)
        found.push(`${contrast.toFixed(2)} ${element.className} ${element.textContent?.trim().slice(0, 40)}`);
    }
    return found;
  });
}

describe('the demo page, for everybody', () => {
  it('runs without an error on its console and without a violation of its own policy', async () => {
    const page = await open();
    const policy = (await page.page.reload())?.headers()['content-security-policy'] ?? '';
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toMatch(/unsafe/);
    await page.enter('Alice');
    await page.sees('and a short one');
    await page.say('hello');
    await page.page.getByLabel('Open another room').fill('roof');
    await page.page.getByLabel('Open another room').press('Enter');
    await page.page.getByRole('button', { name: 'Leave roof' }).click();
    await page.page.getByRole('button', { name: 'Sign out' }).click();
    await page.page.getByLabel('Your name').waitFor();
    expect(page.problems).toEqual([]);
  });

  it('is used by keyboard alone, and shows where the focus is', async () => {
    const { page } = await open();
    const path: string[] = [];
    /** Tabs until something has the focus, and looks at everything on the way. */
    const tabTo = async (name: string) => {
      for (let step = 0; step < 30; step += 1) {
        await page.keyboard.press('Tab');
        path.push(await focused(page));
        if (path.at(-1)?.startsWith('body')) continue; // Past the last element, before the first.
        expect([path.at(-1), await showsFocus(page)]).toEqual([path.at(-1), true]);
        if (path.at(-1) === name) return;
      }
      throw new Error(`expected to reach ${name} by Tab, came by ${path.join(', ')}`);
    };
    expect(await focused(page)).toBe('input Your name');
    await page.keyboard.type('Alice');
    await tabTo('button Enter the room');
    await page.keyboard.press('Enter');
    await page.getByLabel('Message to general').waitFor();
    expect(await focused(page)).toBe('textarea Message to general');
    await page.keyboard.type('two lines,');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('one message');
    await page.keyboard.press('Enter');
    await page.getByRole('log').getByText('two lines,\none message').waitFor();
    await tabTo('button Skip to the message field');
    await page.keyboard.press('Enter');
    expect(await focused(page)).toBe('textarea Message to general');
    await tabTo('input Open another room');
    await page.keyboard.type('roof');
    await page.keyboard.press('Enter');
    await page.getByLabel('Message to roof').waitFor();
    expect(await focused(page)).toBe('textarea Message to roof');
    await tabTo('div Messages in roof');
    await tabTo('button Leave roof');
    await page.keyboard.press('Enter');
    await page.getByLabel('Message to general').waitFor();
    await tabTo('button Sign out');
    await page.keyboard.press('Enter');
    await page.getByLabel('Your name').waitFor();
    expect(await focused(page)).toBe('input Your name');
  });

  it('goes to the latest message and the field by Escape', async () => {
    await bob.say(...Array.from({ length: 40 }, (_, index) => `line ${index}`));
    const page = await (await open()).enter('Alice');
    await page.sees('line 39');
    await page.log.focus();
    await page.page.keyboard.press('Home');
    // The way up is animated by the browser.
    await page.until('it is at the top', () => page.log.evaluate((log) => log.scrollTop === 0));
    await page.page.getByRole('button', { name: 'Latest' }).waitFor();
    await page.page.keyboard.press('Escape');
    await page.page.getByRole('button', { name: 'Latest' }).waitFor({ state: 'hidden' });
    expect(await focused(page.page)).toBe('textarea Message to general');
  });

  it('gives everything that can be used a name, and says what changes', async () => {
    const page = await open();
    expect(await nameless(page.page)).toEqual([]);
    await page.enter('Alice');
    await page.sees('and a short one');
    await page.page.getByLabel('Open another room').fill('roof');
    await page.page.getByLabel('Open another room').press('Enter');
    await page.page.getByRole('button', { name: 'Leave roof' }).waitFor();
    expect(await nameless(page.page)).toEqual([]);
    expect(await page.page.getByRole('log').getAttribute('aria-label')).toBe('Messages in roof');
    expect(await page.page.getByRole('status').textContent()).toBe('Room roof');
    expect(await page.page.locator('html').getAttribute('lang')).toBe('en');
    expect(await page.page.getByRole('heading', { level: 1 }).count()).toBe(1);
    expect(await page.page.getByRole('main').count()).toBe(1);
  });

  it.each(['light', 'dark'] as const)('has enough contrast in its %s colours', async (colorScheme) => {
    const page = await open({ colorScheme, reducedMotion: 'reduce' });
    await page.page.getByRole('button', { name: 'Enter the room' }).click();
    expect(await faint(page.page)).toEqual([]);
    await page.enter('Alice');
    await page.sees('and a short one');
    await page.say('x'.repeat(70_000));
    await page.page.getByText('Not sent.').waitFor();
    await page.page.getByRole('button', { name: 'Discard' }).waitFor();
    expect(await faint(page.page)).toEqual([]);
  });

  it.each([320, 390, 768, 1024, 1920])('fits into a window %i pixels wide', async (width) => {
    const page = await open({ viewport: { width, height: 640 } });
    const overflow = () =>
      page.page.evaluate(() => [
        document.documentElement.scrollWidth - innerWidth,
        document.body.scrollHeight - innerHeight,
      ]);
    expect((await overflow())[0]).toBe(0);
    await page.enter('Alice');
    await page.sees('and a short one');
    expect(await overflow()).toEqual([0, 0]);
    const wide = await page.log.evaluate((log) => log.scrollWidth - log.clientWidth);
    expect(wide).toBe(0);
  });

  it('on a phone shows rooms and people on demand, and gives the focus back', async () => {
    const page = await (
      await open({ viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true })
    ).enter('Alice');
    const people = page.page.getByRole('button', { name: /^People here/ });
    await page.until('both are there', async () => (await people.innerText()).includes('2'));
    expect(await page.page.getByRole('complementary').count()).toBe(0);
    await people.tap();
    await page.page
      .getByRole('complementary', { name: /Here now/ })
      .getByText('Bob')
      .waitFor();
    expect(await people.getAttribute('aria-expanded')).toBe('true');
    await page.page.keyboard.press('Escape');
    expect(await people.getAttribute('aria-expanded')).toBe('false');
    expect(await focused(page.page)).toMatch(/^button People here/);
    await page.page.getByRole('button', { name: 'Rooms', exact: true }).tap();
    await page.page.getByLabel('Open another room').fill('roof');
    await page.page.getByLabel('Open another room').press('Enter');
    await page.page.getByLabel('Message to roof').waitFor();
    await page.until('the rooms are away', async () => (await page.page.getByRole('navigation').count()) === 0);
  });

  it('moves nothing for who asks for less motion', async () => {
    const page = await open({ reducedMotion: 'reduce' });
    await page.enter('Alice');
    await page.say('still');
    await page.sees('still');
    expect(await page.page.evaluate(() => document.getAnimations().length)).toBe(0);
  });
});
