import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { RedisProcess } from '../support/redis-process.js';
import { ServerProcess } from '../support/server-process.js';
import { mint } from '../support/tokens.js';
import { DemoPage, TEST_TIMEOUT_MS, launchBrowser } from './support.js';

jest.setTimeout(TEST_TIMEOUT_MS);

const SECRET = 'the secret of both servers of 32 bytes or more';

let browser: Browser;
let redis: RedisProcess;
let servers: ServerProcess[];

beforeAll(async () => {
  [browser, redis] = await Promise.all([launchBrowser(), RedisProcess.start()]);
});

beforeEach(async () => {
  await redis.command('FLUSHALL');
  const env = { REDIS_URL: redis.url, JWT_SECRET: SECRET };
  servers = await Promise.all([ServerProcess.start(env), ServerProcess.start(env)]);
});

afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  await Promise.all(servers.map((server) => server.kill()));
});

afterAll(async () => {
  await browser.close();
  await redis.stop();
});

/** A page on the n-th server, signed in with a token: a server with a key gives none out. */
async function enter(nth: 0 | 1, name: string): Promise<DemoPage> {
  const page = await DemoPage.open(browser, `${servers[nth]?.httpUrl}/#general`);
  await page.page.getByLabel('Your name').fill(name);
  await page.page.getByRole('button', { name: 'Enter the room' }).click();
  await page.page.getByLabel('Access token').fill(mint(SECRET, { sub: name.toLowerCase(), name }));
  await page.page.getByRole('button', { name: 'Enter the room' }).click();
  return page.connected();
}

describe('the demo page on two servers with one Redis', () => {
  it('shows the people and the messages of both servers, in one order', async () => {
    const alice = await enter(0, 'Alice');
    const bob = await enter(1, 'Bob');
    await alice.until('Bob is listed', async () => (await alice.people()).join() === 'Alice,Bob');
    for (const round of [1, 2, 3]) {
      await alice.say(`from the first, ${round}`);
      await bob.sees(`from the first, ${round}`);
      await bob.say(`from the second, ${round}`);
      await alice.sees(`from the second, ${round}`);
    }
    const said = await alice.texts();
    expect(said).toHaveLength(6);
    expect(await bob.texts()).toEqual(said);
  });

  it('misses nothing while its server is restarted and others go on talking', async () => {
    const alice = await enter(0, 'Alice');
    const bob = await enter(1, 'Bob');
    await bob.say('before');
    await alice.sees('before');
    await servers[0]?.stop();
    await alice.status(/^Reconnecting/).waitFor();
    await bob.say('during');
    await alice.say('written while away');
    servers[0] = (await servers[0]?.restart()) ?? servers[0]!;
    await alice.sees('during');
    await bob.sees('written while away');
    await bob.say('after');
    await alice.sees('after');
    expect(await alice.texts()).toEqual(['before', 'during', 'written while away', 'after']);
    expect(await bob.texts()).toEqual(await alice.texts());
    expect(await alice.page.getByText('could not be recovered').count()).toBe(0);
  });
});
