import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { ServerProcess } from '../support/server-process.js';
import { DemoPage, Guest, TEST_TIMEOUT_MS, launchBrowser } from './support.js';

jest.setTimeout(TEST_TIMEOUT_MS);

let browser: Browser;
let server: ServerProcess;
let guests: Guest[];

beforeAll(async () => {
  browser = await launchBrowser();
});

beforeEach(async () => {
  server = await ServerProcess.start({ MAX_FRAME_BYTES: '2000', MESSAGES_PER_SECOND: '0' });
  guests = [];
});

afterEach(async () => {
  for (const guest of guests) guest.leave();
  for (const context of browser.contexts()) await context.close();
  await server.kill();
});

afterAll(() => browser.close());

const open = (path = '/#general') => DemoPage.open(browser, server.httpUrl + path);

async function guest(name: string, room = 'general'): Promise<Guest> {
  const joined = await Guest.join(server.httpUrl, room, name);
  guests.push(joined);
  return joined;
}

const numbered = (count: number, from = 1) => Array.from({ length: count }, (_, index) => `number ${from + index}`);

describe('the demo page, talking', () => {
  it('shows two people in one room the messages of both, in one order', async () => {
    const alice = await (await open()).enter('Alice');
    const bob = await (await open()).enter('Bob');
    await alice.say('Is anybody up here?');
    await bob.sees('anybody up here');
    await bob.say('I am.\nAnd it is windy.');
    await alice.sees('windy');
    const said = ['Is anybody up here?', 'I am.\nAnd it is windy.'];
    expect([await alice.texts(), await bob.texts()]).toEqual([said, said]);
    expect(await alice.log.locator('.own .text').allTextContents()).toEqual([said[0]]);
    expect(await alice.log.locator('.message:not(.own) .name').allTextContents()).toEqual(['Bob']);
  });

  it('shows each own message once, however its acknowledgement and its frame come', async () => {
    const alice = await (await open()).enter('Alice');
    for (const text of numbered(20)) await alice.say(text);
    await alice.until('every message is acknowledged', async () => {
      const waiting = await alice.log.locator('[data-state="sending"]').count();
      return waiting === 0;
    });
    expect(await alice.texts()).toEqual(numbered(20));
  });

  it('shows text as text, whatever it looks like', async () => {
    const alice = await (await open()).enter('<b>Alice</b>');
    const text = '<img src=x onerror="document.title=1"> <script>1</script> &amp;';
    await alice.say(text);
    await alice.sees('onerror');
    expect(await alice.texts()).toEqual([text]);
    expect(await alice.log.locator('img, script, b').count()).toBe(0);
    expect(await alice.people()).toEqual(['<b>Alice</b>']);
  });

  it('loads what was said before, the latest first and earlier messages on demand, and keeps the place', async () => {
    const bob = await guest('Bob');
    await bob.say(...numbered(120));
    const alice = await (await open()).enter('Alice');
    await alice.sees('number 120');
    expect(await alice.texts()).toEqual(numbered(50, 71));
    const first = alice.log.locator('.message').first();
    await alice.log.evaluate((log) => (log.scrollTop = 0));
    const before = await first.boundingBox();
    await alice.page.getByRole('button', { name: 'Load earlier messages' }).click();
    await alice.sees('number 21');
    const same = alice.log.locator('.message', { hasText: /number 71$/ });
    expect(Math.abs(((await same.boundingBox())?.y ?? 0) - (before?.y ?? 0))).toBeLessThan(60);
    await alice.page.getByRole('button', { name: 'Load earlier messages' }).click();
    await alice.sees('number 1');
    await alice.page.getByText('This is the beginning of #general').waitFor();
    expect(await alice.texts()).toEqual(numbered(120));
  });

  it('stays at the end while the reader is there, and where he is when he is not', async () => {
    const bob = await guest('Bob');
    await bob.say(...numbered(60));
    const alice = await (await open()).enter('Alice');
    const distance = () => alice.log.evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight);
    await alice.sees('number 60');
    await bob.say('seen at once');
    await alice.sees('seen at once');
    expect(await distance()).toBeLessThan(2);
    await alice.log.hover();
    await alice.page.mouse.wheel(0, -800);
    const jump = alice.page.getByRole('button', { name: 'Latest' });
    await jump.waitFor();
    const top = await alice.log.evaluate((log) => log.scrollTop);
    await bob.say('missed 1', 'missed 2');
    await alice.page.getByRole('button', { name: '2 new messages' }).click();
    expect(await alice.log.evaluate((log) => log.scrollTop)).toBeGreaterThan(top);
    await alice.until('it is at the end', async () => (await distance()) < 2);
    await jump.waitFor({ state: 'hidden' });
  });

  it('stands 500 messages in the list', async () => {
    const bob = await guest('Bob');
    await bob.say('one');
    const alice = await (await open()).enter('Alice');
    await alice.sees('one');
    await bob.say(...numbered(500));
    await alice.sees('number 500');
    await alice.say('and one of mine');
    await alice.sees('and one of mine');
    expect(await alice.texts()).toEqual(['one', ...numbered(500), 'and one of mine']);
  });

  it('lists who is there, counts them, and tells who comes and goes', async () => {
    const alice = await (await open()).enter('Alice');
    const bob = await guest('Bob');
    await alice.until('Bob is listed', async () => (await alice.people()).join() === 'Alice,Bob');
    await alice.page.getByText('Bob joined').waitFor();
    expect(await alice.page.locator('#people-count').textContent()).toBe('2');
    bob.leave();
    await alice.page.getByText('Bob left').waitFor();
    expect(await alice.people()).toEqual(['Alice']);
  });

  it('invites somebody to an empty room, and stops when something is said', async () => {
    const alice = await (await open('/#roof')).enter('Alice');
    await alice.page.getByRole('heading', { name: 'Quiet in here' }).waitFor();
    await alice.say('Not any more.');
    await alice.page.getByRole('heading', { name: 'Quiet in here' }).waitFor({ state: 'hidden' });
  });

  it('opens the room of its address, and another one without a reload', async () => {
    const alice = await (await open('/#roof')).enter('Alice');
    expect(await alice.page.getByRole('heading', { level: 1 }).textContent()).toBe('#roof');
    await alice.page.evaluate(() => Object.assign(globalThis, { sameDocument: true }));
    await alice.page.getByLabel('Open another room').fill('chimney');
    await alice.page.getByLabel('Open another room').press('Enter');
    await alice.field.and(alice.page.getByLabel('Message to chimney')).waitFor();
    expect(new URL(alice.page.url()).hash).toBe('#chimney');
    await alice.page.goBack();
    await alice.page.getByLabel('Message to roof').waitFor();
    expect(await alice.page.evaluate(() => 'sameDocument' in globalThis)).toBe(true);
  });

  it('counts what is said in the rooms that are open behind, and keeps each room’s draft', async () => {
    const alice = await (await open('/#roof')).enter('Alice');
    await alice.field.fill('half a thought');
    await alice.page.goto(`${server.httpUrl}/#general`);
    await alice.page.getByLabel('Message to general').waitFor();
    expect(await alice.field.inputValue()).toBe('');
    await (await guest('Bob', 'roof')).say('psst', 'Alice');
    await alice.page.getByRole('link', { name: 'roof 2 new' }).click();
    await alice.page.getByLabel('Message to roof').waitFor();
    expect(await alice.field.inputValue()).toBe('half a thought');
    expect(await alice.texts()).toEqual(['psst', 'Alice']);
    await alice.page.getByRole('link', { name: 'roof', exact: true }).waitFor();
  });

  it('goes on after a reload with the name and the rooms that were open', async () => {
    const alice = await (await open('/#roof')).enter('Alice');
    await alice.say('before');
    await alice.sees('before');
    await alice.page.goto(`${server.httpUrl}/#general`);
    await alice.page.reload();
    await alice.connected();
    await alice.page.getByLabel('Message to general').waitFor();
    await alice.page.getByRole('link', { name: 'roof' }).click();
    await alice.sees('before');
  });

  it('says why a message was not sent, and sends it again or throws it away', async () => {
    const alice = await (await open()).enter('Alice');
    await alice.say('x'.repeat(3_000));
    await alice.page.getByText('Not sent. It is too long for this server.').waitFor();
    await alice.page.getByRole('button', { name: 'Try again' }).click();
    await alice.page.getByText('Not sent. It is too long for this server.').waitFor();
    await alice.page.getByRole('button', { name: 'Discard' }).click();
    expect(await alice.texts()).toEqual([]);
  });

  it('takes names that are rooms, and says what is wrong with others', async () => {
    const alice = await open('/');
    await alice.page.getByLabel('Room', { exact: true }).fill('two words');
    await alice.page.getByRole('button', { name: 'Enter the room' }).click();
    await alice.page.getByText('Say who you are.').waitFor();
    await alice.page.getByText('without spaces').waitFor();
    await alice.page.getByLabel('Room', { exact: true }).fill('#general');
    await alice.enter('Alice');
    expect(new URL(alice.page.url()).hash).toBe('#general');
  });
});
