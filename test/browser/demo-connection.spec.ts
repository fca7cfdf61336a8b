import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { ServerProcess } from '../support/server-process.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { forge, mint } from '../support/tokens.js';
import { DemoPage, Guest, TEST_TIMEOUT_MS, launchBrowser } from './support.js';

jest.setTimeout(TEST_TIMEOUT_MS);

const SECRET = 'the secret of this page of 32 bytes or more';

let browser: Browser;
/** Ended in the reverse order, whatever a test made of them. */
let cleanUp: (() => unknown)[];

beforeAll(async () => {
  browser = await launchBrowser();
});

beforeEach(() => {
  cleanUp = [];
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  for (const end of cleanUp.reverse()) await end();
});

afterAll(() => browser.close());

async function start(env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
  const server = await ServerProcess.start(env);
  cleanUp.push(() => server.kill());
  return server;
}

async function guest(server: ServerProcess, name: string, room = 'general'): Promise<Guest> {
  const joined = await Guest.join(server.httpUrl, room, name);
  cleanUp.push(() => joined.leave());
  return joined;
}

/** A page whose connections go through a proxy; others reach the server past it. */
async function throughProxy(server: ServerProcess, name: string) {
  const proxy = await startTcpProxy(server.port);
  cleanUp.push(() => proxy.close());
  return { proxy, page: await (await DemoPage.open(browser, `http://127.0.0.1:${proxy.port}/#general`)).enter(name) };
}

describe('the demo page, its connection', () => {
  it('comes back by itself after the server was restarted on the same port, and shows what was said meanwhile', async () => {
    const server = await start({ JWT_SECRET: SECRET, DEV_TOKENS: 'true' });
    const alice = await (await DemoPage.open(browser, `${server.httpUrl}/#general`)).enter('Alice');
    await alice.say('before the restart');
    await alice.sees('before the restart');
    await server.stop();
    await alice.status(/^Reconnecting/).waitFor();
    const second = await server.restart();
    cleanUp.push(() => second.kill());
    await (await guest(second, 'Bob')).say('said while Alice was away');
    await alice.sees('said while Alice was away');
    await alice.connected();
    await alice.say('and after it');
    await alice.sees('and after it');
    expect(await alice.texts()).toEqual(['before the restart', 'said while Alice was away', 'and after it']);
    // This server keeps nothing over a restart, and the page does not pretend that it did.
    expect(await alice.page.getByText('Some messages could not be recovered.').count()).toBe(1);
  });

  it('misses nothing and repeats nothing through a cut', async () => {
    const server = await start();
    const bob = await guest(server, 'Bob');
    const { proxy, page } = await throughProxy(server, 'Alice');
    const said: string[] = [];
    for (let round = 1; round <= 3; round += 1) {
      const texts = [`before ${round}`, `during ${round}`, `after ${round}`] as const;
      await bob.say(texts[0]);
      await page.sees(texts[0]);
      proxy.block();
      await page.status(/^Reconnecting/).waitFor();
      await bob.say(texts[1]);
      proxy.mend();
      await page.sees(texts[1]);
      await bob.say(texts[2]);
      await page.sees(texts[2]);
      said.push(...texts);
    }
    expect(await page.texts()).toEqual(said);
  });

  it('keeps what is written during a cut, and sends it once when it is back', async () => {
    const server = await start();
    const { proxy, page } = await throughProxy(server, 'Alice');
    await page.say('before');
    await page.sees('before');
    proxy.block();
    await page.status(/^Reconnecting/).waitFor();
    await page.say('first');
    await page.say('second');
    await page.page.getByText('Waits for the connection').first().waitFor();
    proxy.mend();
    await page.until('both are sent', async () => (await page.log.locator('[data-state="sending"]').count()) === 0);
    expect(await page.texts()).toEqual(['before', 'first', 'second']);
    const { frames } = await (await guest(server, 'Bob')).room.history();
    expect(frames.map((frame) => frame['text'])).toEqual(['before', 'first', 'second']);
  });

  it('sends after a reload what it could not send before, once and in order', async () => {
    const server = await start();
    const { proxy, page } = await throughProxy(server, 'Alice');
    await page.say('before');
    await page.sees('before');
    proxy.block();
    await page.status(/^Reconnecting/).waitFor();
    await page.say('first');
    await page.say('second');
    await page.page.goto('about:blank'); // This page is gone before the network is back.
    proxy.mend();
    await page.page.goto(`http://127.0.0.1:${proxy.port}/#general`);
    await page.connected();
    for (const text of ['before', 'first', 'second']) await page.sees(text);
    await page.until('both are sent', async () => (await page.log.locator('[data-state="sending"]').count()) === 0);
    expect(await page.texts()).toEqual(['before', 'first', 'second']);
    const { frames } = await (await guest(server, 'Bob')).room.history();
    expect(frames.map((frame) => frame['text'])).toEqual(['before', 'first', 'second']);
    expect(await page.page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.includes('outbox')))).toEqual(
      [],
    );
  });

  it('says in how many seconds it tries again, and tries at once when it is told to', async () => {
    const server = await start();
    const { proxy, page } = await throughProxy(server, 'Alice');
    proxy.block();
    await page.page.getByText('The server can’t be reached.').waitFor();
    // Long enough to be clicked before it is over by itself.
    await page.status(/^Reconnecting in ([4-9]|\d\d) s$/).waitFor();
    proxy.mend();
    await page.page.getByRole('button', { name: 'Try now' }).click();
    await page.connected();
    await page.page.locator('#banner').waitFor({ state: 'hidden' });
  });

  it('asks for a token where the server gives none, and never writes it into the address or its storage', async () => {
    const server = await start({ JWT_SECRET: SECRET });
    const page = await DemoPage.open(browser, `${server.httpUrl}/#general`);
    await page.page.getByLabel('Your name').fill('Alice');
    await page.page.getByRole('button', { name: 'Enter the room' }).click();
    const token = mint(SECRET, { sub: 'u1', name: 'Alice of the token' });
    await page.page.getByLabel('Access token').fill(token);
    await page.page.getByRole('button', { name: 'Enter the room' }).click();
    await page.connected();
    expect(await page.page.locator('#self-name').textContent()).toBe('Alice of the token');
    const kept = await page.page.evaluate(() =>
      JSON.stringify([Object.values(localStorage), Object.values(sessionStorage)]),
    );
    expect(page.page.url() + kept).not.toContain(token);
    expect(server.lines.join('\n')).not.toContain(token);
  });

  it('refused for good, stops and shows why', async () => {
    const server = await start({ JWT_SECRET: SECRET });
    const page = await DemoPage.open(browser, `${server.httpUrl}/#general`);
    await page.page.getByLabel('Your name').fill('Mallory');
    await page.page.getByRole('button', { name: 'Enter the room' }).click();
    await page.page.getByLabel('Access token').fill('no token at all');
    await page.page.keyboard.press('Enter');
    await page.page.getByText('Paste a JWT: three parts').waitFor();
    await page.page.getByLabel('Access token').fill(forge(mint(SECRET, { sub: 'u1' })));
    await page.page.keyboard.press('Enter');
    await page.status('Refused').waitFor();
    await page.page.getByText('The server did not accept your token.').first().waitFor();
    await page.page.getByText('1008 unauthenticated').waitFor();
    const attempts = server.events('refused').length;
    await page.page.getByRole('button', { name: 'Sign in again' }).click();
    await page.page.getByLabel('Access token').waitFor();
    expect(server.events('refused')).toHaveLength(attempts);
  });

  it('says why it was not let into a room, and tries once more when it is told to', async () => {
    const server = await start({ MAX_ROOMS_PER_CONNECTION: '2' });
    await (await guest(server, 'Bob', 'cellar')).say('cold in here');
    const alice = await (await DemoPage.open(browser, `${server.httpUrl}/#general`)).enter('Alice');
    for (const room of ['roof', 'cellar']) {
      await alice.page.getByLabel('Open another room').fill(room);
      await alice.page.getByLabel('Open another room').press('Enter');
      await alice.page.getByLabel(`Message to ${room}`).waitFor();
    }
    await alice.page.getByRole('heading', { name: 'You are in too many rooms' }).waitFor();
    expect(await alice.field.isDisabled()).toBe(true);
    await alice.page.getByRole('button', { name: 'Try again' }).click();
    await alice.page.getByRole('heading', { name: 'You are in too many rooms' }).waitFor();
    await alice.page.getByRole('link', { name: 'roof' }).hover();
    await alice.page.getByRole('button', { name: 'Leave roof' }).click();
    await alice.page.getByRole('link', { name: 'cellar' }).click();
    await alice.page.getByRole('button', { name: 'Try again' }).click();
    await alice.sees('cold in here');
    await alice.say('but I am in');
    await alice.until('it is sent', async () => (await alice.log.locator('[data-state="sent"]').count()) === 1);
    expect(await alice.people()).toEqual(['Alice', 'Bob']);
  });

  it('put out of a room, tries again when it is told to, and shows what was said meanwhile', async () => {
    const server = await start();
    const alice = await DemoPage.open(browser, `${server.httpUrl}/#general`);
    let putOut = () => {};
    // Nobody can be kicked by this server's endpoints: the room is left behind the page's back, and the answer says why.
    await alice.page.routeWebSocket(/\/ws\/chat/, (socket) => {
      const upstream = socket.connectToServer();
      putOut = () => upstream.send(JSON.stringify({ type: 'leave', room: 'general' }));
      upstream.onMessage((text) => socket.send(String(text).replace('"reason":"left"', '"reason":"kicked"')));
    });
    await alice.page.reload();
    await alice.enter('Alice');
    await alice.say('before');
    await alice.sees('before');
    await alice.field.fill('half a thought');
    putOut();
    await alice.page.getByRole('heading', { name: 'You were removed from this room' }).waitFor();
    await (await guest(server, 'Bob')).say('said meanwhile');
    await alice.page.getByRole('button', { name: 'Try again' }).click();
    await alice.sees('said meanwhile');
    await alice.field.press('Enter');
    await alice.sees('half a thought');
    expect(await alice.texts()).toEqual(['before', 'said meanwhile', 'half a thought']);
    await alice.page.getByText('You were out of this room.').waitFor();
  });

  it('fetches a fresh token when the server has forgotten the key of the old one', async () => {
    const server = await start();
    const alice = await (await DemoPage.open(browser, `${server.httpUrl}/#general`)).enter('Alice');
    await server.kill();
    const second = await server.restart();
    cleanUp.push(() => second.kill());
    await alice.status(/^Reconnecting/).waitFor();
    await alice.connected();
    await alice.say('still me');
    await alice.sees('still me');
  });
});
