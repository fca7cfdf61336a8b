import { createHash } from 'node:crypto';
import { Command } from 'ioredis';
import { gatherTurn } from './redis-turn.js';
import type { CommandStream } from './redis-turn.js';

export type CommandArgument = string | number | Buffer;

/** A Lua script, and the name under which a server that has seen it runs it. */
export class RedisScript {
  readonly sha: string;
  /** Connections over which its text has gone. */
  private taught = new WeakSet<object>();

  constructor(readonly lua: string) {
    this.sha = createHash('sha1').update(lua).digest('hex');
  }

  /** Says whether a run over this connection must carry the text, which from then on it has had. */
  teach(connection: object): boolean {
    if (this.taught.has(connection)) return false;
    this.taught.add(connection);
    return true;
  }

  /** A server did not know it, or may not have read it: the text goes over every connection once more. */
  forget(): void {
    this.taught = new WeakSet();
  }
}

/**
 * One run of a script. The first on each connection carries the text, those behind it the name. So the server knows the
 * script when the second arrives, and no run is refused that was sent between others which are not: that would
 * change their order.
 */
export class ScriptCommand extends Command {
  constructor(
    private readonly script: RedisScript,
    keys: readonly string[],
    args: readonly CommandArgument[],
  ) {
    super('evalsha', [script.sha, keys.length, ...keys, ...args]);
  }

  /** Called by ioredis when it writes the command to a connection, which it does within the call. */
  override toWritable(connection: CommandStream): string | Buffer {
    gatherTurn(connection);
    if (this.script.teach(connection)) {
      this.name = 'eval';
      this.args[0] = this.script.lua;
      this.promise.catch(() => this.script.forget());
    } else {
      this.name = 'evalsha';
      this.args[0] = this.script.sha;
    }
    return super.toWritable(connection);
  }
}
