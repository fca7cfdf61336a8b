import { describe, expect, it } from '@jest/globals';
import { NodeCrew } from '../support/ledger/crew.js';
import { runLedger } from '../support/ledger/ledger-run.js';

const deep = process.env['ROOKERY_DEEP'] === '1';
const durationMs = deep ? 5 * 60_000 : 20_000;

describe('the ledger, of clients in Node on two pods', () => {
  it(
    'shows to every client what was acknowledged, each once and in order, whatever is cut',
    async () => {
      const { problems, unproven } = await runLedger({
        durationMs,
        crews: [{ clients: deep ? 9 : 6, open: (_fleet, token) => new NodeCrew(token) }],
      });
      expect(problems).toEqual([]);
      expect(unproven).toEqual([]);
    },
    durationMs + 5 * 60_000,
  );
});
