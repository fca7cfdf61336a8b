import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { NodeCrew } from '../support/ledger/crew.js';
import { runLedger } from '../support/ledger/ledger-run.js';
import { PageCrew } from '../support/ledger/page-crew.js';
import { TEST_TIMEOUT_MS, launchBrowser } from './support.js';

jest.setTimeout(TEST_TIMEOUT_MS);

const deep = process.env['ROOKERY_DEEP'] === '1';
const durationMs = deep ? 3 * 60_000 : 20_000;

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

describe('the ledger, of clients in Chromium and in Node on two pods', () => {
  it(
    'shows to every client what was acknowledged, each once and in order, whatever is cut',
    async () => {
      const { problems, unproven } = await runLedger({
        durationMs,
        crews: [
          { clients: 4, open: (fleet, token) => PageCrew.open(browser, fleet.server(0).httpUrl, token) },
          { clients: 2, open: (_fleet, token) => new NodeCrew(token) },
        ],
      });
      expect(problems).toEqual([]);
      expect(unproven).toEqual([]);
    },
    durationMs + 5 * 60_000,
  );
});
