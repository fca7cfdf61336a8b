import { beforeEach, describe, expect, it } from '@jest/globals';
import { BrokerUnavailableError } from '../realtime.errors.js';
import type { RedisCommands, Route } from './redis-commands.js';
import { RedisPublisher } from './redis-publisher.js';
import { RedisScript } from './redis-script.js';

interface Sent {
  readonly how: 'attempt' | 'text';
  readonly text: string;
  readonly answer: (value: string) => void;
  readonly fail: (message: string) => void;
}

/** Takes commands and leaves it to the test when and how they are answered. */
class Commands {
  readonly sent: Sent[] = [];
  readonly routes: Route[] = [];
  owner = 'node-1';

  slotOf(): number {
    return 7;
  }

  ownerOf(): string {
    return this.owner;
  }

  attempt(_script: RedisScript, route: Route, _keys: readonly string[], [text]: readonly string[]): Promise<unknown> {
    this.routes.push(route);
    return this.send('attempt', text);
  }

  runByText(_script: RedisScript, _keys: readonly string[], [text]: readonly string[]): Promise<unknown> {
    return this.send('text', text);
  }

  get log(): string[] {
    return this.sent.map(({ how, text }) => `${how} ${text}`);
  }

  private send(how: Sent['how'], text = ''): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.sent.push({ how, text, answer: resolve, fail: (message) => reject(new Error(message)) });
    });
  }
}

describe('RedisPublisher', () => {
  const script = new RedisScript('return 1');
  let commands: Commands;
  let publisher: RedisPublisher;
  let answers: string[];

  beforeEach(() => {
    commands = new Commands();
    publisher = new RedisPublisher(commands as unknown as RedisCommands);
    answers = [];
  });

  function publish(text: string, address = 'chat/a'): void {
    publisher.run(address, script, ['key'], [text]).then(
      (answer) => answers.push(`${text}: ${String(answer)}`),
      (error: unknown) => answers.push(`${text}: ${(error as BrokerUnavailableError).code}`),
    );
  }

  /** Lets every promise that can settle do so. */
  function settle(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  it('sends each within the call, waiting for no answer', () => {
    publish('1');
    publish('2');
    expect(commands.log).toEqual(['attempt 1', 'attempt 2']);
  });

  it('sends all that are under way at a time to one node, whichever the first was sent to', async () => {
    publish('1');
    publish('2');
    publish('1', 'chat/b');
    for (const { answer } of commands.sent) answer('ok');
    await settle();
    publish('3');
    const [first, second, elsewhere, later] = commands.routes;
    expect(second).toBe(first);
    expect(elsewhere).not.toBe(first);
    expect(later).not.toBe(first);
  });

  it('sends what was refused again in the order of the calls, before what was called later', async () => {
    for (const text of ['1', '2', '3']) publish(text);
    commands.sent[0]?.fail('NOSCRIPT No matching script.');
    await settle();
    publish('4');
    commands.sent[1]?.fail('NOSCRIPT No matching script.');
    commands.sent[2]?.fail('NOSCRIPT No matching script.');
    await settle();
    for (const text of ['1', '2', '3', '4']) {
      expect(commands.log.at(-1)).toBe(`text ${text}`);
      commands.sent.at(-1)?.answer('done');
      await settle();
    }
    expect(commands.log).toHaveLength(7);
    expect(answers).toEqual(['1: done', '2: done', '3: done', '4: done']);
    publish('5');
    expect(commands.log.at(-1)).toBe('attempt 5');
  });

  it('lets what is in flight settle before it sends anything again', async () => {
    publish('1');
    publish('2');
    commands.sent[0]?.fail('MOVED 7 127.0.0.1:7001');
    await settle();
    expect(commands.log).toEqual(['attempt 1', 'attempt 2']);
    commands.sent[1]?.answer('done');
    await settle();
    expect(commands.log.at(-1)).toBe('text 1');
  });

  it('waits for those that went to another node before it sends to the new one', async () => {
    publish('1');
    commands.owner = 'node-2';
    publish('2');
    expect(commands.log).toEqual(['attempt 1']);
    commands.sent[0]?.fail('MOVED 7 127.0.0.1:7002');
    await settle();
    expect(commands.log).toEqual(['attempt 1', 'text 1']);
    commands.sent[1]?.answer('done');
    await settle();
    expect(commands.log).toEqual(['attempt 1', 'text 1', 'text 2']);
  });

  it('refuses what may have been carried out, and sends it never again', async () => {
    for (const text of ['1', '2', '3']) publish(text);
    commands.sent[0]?.fail('Command timed out');
    commands.sent[1]?.fail('READONLY You can not write against a read only replica.');
    commands.sent[2]?.answer('done');
    await settle();
    expect(answers).toEqual(['1: unavailable', '2: unavailable', '3: done']);
    expect(commands.log).toHaveLength(3);
  });

  it('goes on with the next where one fails while they are sent one by one', async () => {
    publish('1');
    publish('2');
    commands.sent[0]?.fail('NOSCRIPT No matching script.');
    commands.sent[1]?.fail('NOSCRIPT No matching script.');
    await settle();
    commands.sent[2]?.fail('Connection is closed.');
    await settle();
    commands.sent[3]?.answer('done');
    await settle();
    expect(answers[0]).toMatch(/^1: /);
    expect(answers[1]).toBe('2: done');
  });

  it('holds up no other room', async () => {
    publish('1', 'chat/a');
    publish('2', 'chat/b');
    commands.sent[0]?.fail('NOSCRIPT No matching script.');
    await settle();
    publish('3', 'chat/b');
    expect(commands.log).toEqual(['attempt 1', 'attempt 2', 'text 1', 'attempt 3']);
  });

  it('says when nothing is under way', async () => {
    await publisher.settled();
    publish('1');
    let settled = false;
    void publisher.settled().then(() => {
      settled = true;
    });
    await settle();
    expect(settled).toBe(false);
    commands.sent[0]?.answer('done');
    await settle();
    expect(settled).toBe(true);
  });
});
