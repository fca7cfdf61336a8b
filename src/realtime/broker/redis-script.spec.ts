import { describe, expect, it } from '@jest/globals';
import { RedisScript, ScriptCommand } from './redis-script.js';

const script = new RedisScript('return ARGV[1]');

function written(connection: object): string {
  return new ScriptCommand(script, ['key'], ['x'])
    .toWritable(connection)
    .toString()
    .split('\r\n')
    .slice(2, 5)
    .join(' ');
}

describe('ScriptCommand', () => {
  it('carries the text the first time on each connection, the name after that', () => {
    const [one, other] = [{}, {}];
    expect(written(one)).toBe(`eval $14 ${script.lua}`);
    expect(written(one)).toBe(`evalsha $40 ${script.sha}`);
    expect(written(other)).toBe(`eval $14 ${script.lua}`);
    expect(written(one)).toBe(`evalsha $40 ${script.sha}`);
  });

  it('carries the text again after a server did not know it', () => {
    const connection = {};
    written(connection);
    script.forget();
    expect(written(connection)).toBe(`eval $14 ${script.lua}`);
  });

  it('carries the text again after the run that carried it was refused', async () => {
    const connection = {};
    const command = new ScriptCommand(script, ['key'], [Buffer.from('x')]);
    command.toWritable(connection);
    command.reject(new Error('MOVED 7 127.0.0.1:7001'));
    await expect(command.promise).rejects.toThrow('MOVED');
    expect(written(connection)).toBe(`eval $14 ${script.lua}`);
  });

  it('has what the connection needs where it is written again to another one', () => {
    const [one, other] = [{}, {}];
    const command = new ScriptCommand(script, ['key'], ['x']);
    written(other);
    expect(command.toWritable(one).toString()).toContain('eval\r\n$14');
    expect(command.toWritable(other).toString()).toContain('evalsha\r\n$40');
  });
});
