import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ServerLogger } from './server-logger.service.js';

let written: string[];

beforeEach(() => {
  written = [];
  for (const stream of [process.stdout, process.stderr]) {
    jest.spyOn(stream, 'write').mockImplementation((chunk) => {
      written.push(String(chunk));
      return true;
    });
  }
});

afterEach(() => {
  jest.restoreAllMocks();
});

describe('an event', () => {
  const event = { event: 'disconnected', code: 1000, reason: '', why: 'two words', room: undefined };

  it('is one line of JSON', () => {
    new ServerLogger({ level: 'info', format: 'json' }).log(event, 'Realtime');
    expect(written).toHaveLength(1);
    expect(written[0]).toMatch(/^[^\n]+\n$/);
    expect(JSON.parse(written[0] ?? '')).toMatchObject({ level: 'log', context: 'Realtime', message: { code: 1000 } });
  });

  it('is one line for people', () => {
    new ServerLogger({ level: 'info', format: 'text' }).log(event, 'Realtime');
    expect(written).toHaveLength(1);
    expect(written[0]).toMatch(/^[^\n]+\n$/);
    expect(written[0]).toContain('disconnected code=1000 reason="" why="two words"');
  });
});

describe('levels', () => {
  it.each([
    ['fatal', 1],
    ['error', 2],
    ['warn', 3],
    ['info', 4],
    ['debug', 5],
    ['verbose', 6],
  ] as const)('%s lets the most important pass: %d of 6', (level, count) => {
    const logger = new ServerLogger({ level, format: 'json' });
    for (const name of ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'] as const)
      logger[name]('said', 'Somewhere');
    expect(written).toHaveLength(count);
  });

  it('make what Nest tells of its own start a matter of debugging', () => {
    new ServerLogger({ level: 'info', format: 'json' }).log('Mapped {/healthz, GET} route', 'RouterExplorer');
    expect(written).toEqual([]);
    new ServerLogger({ level: 'debug', format: 'json' }).log('Mapped {/healthz, GET} route', 'RouterExplorer');
    expect(written).toHaveLength(1);
  });
});

it('leaves a start that failed to who started it', () => {
  const logger = new ServerLogger({ level: 'info', format: 'json' });
  logger.error(new Error('bad option'), undefined, 'ExceptionHandler');
  expect(written).toEqual([]);
});
