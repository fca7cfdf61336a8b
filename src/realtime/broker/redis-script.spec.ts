import { describe, expect, it } from '@jest/globals';
import { RedisScript, ScriptCommand } from './redis-script.js';

/** What commands are written to. */
class Connection {
  writableCorked = 0;

  cork(): void {
    this.writableCorked += 1;
  }

  uncork(): void {
    this.writableCorked -= 1;
  }
}

const script = new RedisScript('return ARGV[1]');

function written(connection: Connection): string {
  return new ScriptCommand(script, ['key'], ['x'])
    .toWritable(connection)
    .toString()
    .split('\r\n')
    .slice(2, 5)
    .join(' ');
}

describe('ScriptCommand', () => {
  it('carries the text the first time on each connection, the name after that', () => {
    const [one, other] = [new Connection(), new Connection()];
    expect(written(one)).toBe(`eval $14 ${script.lua}`);
    expect(written(one)).toBe(`evalsha $40 ${script.sha}`);
    expect(written(other)).toBe(`eval $14 ${script.lua}`);
    expect(written(one)).toBe(`evalsha $40 ${script.sha}`);
  });

  it('carries the text again after a server did not know it', () => {
    const connection = new Connection();
    written(connection);
    script.forget();
    expect(written(connection)).toBe(`eval $14 ${script.lua}`);
  });

  it('carries the text again after the run that carried it was refused', async () => {
    const connection = new Connection();
    const command = new ScriptCommand(script, ['key'], [Buffer.from('x')]);
    command.toWritable(connection);
    command.reject(new Error('MOVED 7 127.0.0.1:7001'));
    await expect(command.promise).rejects.toThrow('MOVED');
    expect(written(connection)).toBe(`eval $14 ${script.lua}`);
  });

  it('has what the connection needs where it is written again to another one', () => {
    const [one, other] = [new Connection(), new Connection()];
    const command = new ScriptCommand(script, ['key'], ['x']);
    written(other);
    expect(command.toWritable(one).toString()).toContain('eval\r\n$14');
    expect(command.toWritable(other).toString()).toContain('evalsha\r\n$40');
  });

  it('leaves with all others of its turn', async () => {
    const connection = new Connection();
    written(connection);
    written(connection);
    await Promise.resolve();
    expect(connection.writableCorked).toBe(1);
    await new Promise(setImmediate);
    expect(connection.writableCorked).toBe(0);
    written(connection);
    expect(connection.writableCorked).toBe(1);
  });
});
