import { createHash } from 'node:crypto';

/** A Lua script, and the name under which a server that has seen it runs it. */
export class RedisScript {
  readonly sha: string;

  constructor(readonly lua: string) {
    this.sha = createHash('sha1').update(lua).digest('hex');
  }
}
