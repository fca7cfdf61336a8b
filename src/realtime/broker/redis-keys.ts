import { createHash } from 'node:crypto';
import { RealtimeConfigError } from '../realtime.errors.js';

const PREFIX = /^[A-Za-z0-9:_-]*$/;
const PLAIN = /^[\x21-\x7e]{1,64}$/;

/**
 * The name of every key and channel. All names of one room hold `{<address>}`: in a cluster they live in one slot, so
 * that one script may touch them together.
 */
export class RedisKeys {
  /** @throws RealtimeConfigError bad_config — the prefix has a character that it must not have. */
  constructor(readonly prefix: string = 'rookery:') {
    if (!PREFIX.test(prefix)) {
      throw new RealtimeConfigError(`redisPrefix: expected only A-Z a-z 0-9 : _ -, got ${JSON.stringify(prefix)}`);
    }
  }

  /** Hash: epoch, top offset, replication id and ancestors of a room. */
  metadata(address: string): string {
    return `${this.prefix}{${address}}:m`;
  }

  /** Stream: the retained frames of a room. */
  stream(address: string): string {
    return `${this.prefix}{${address}}:s`;
  }

  /** Hash: epoch, top version and replication id of a room's newest frames. */
  latestMetadata(address: string): string {
    return `${this.prefix}{${address}}:lm`;
  }

  /** Hash: the newest frame of each key. */
  latestFrames(address: string): string {
    return `${this.prefix}{${address}}:lf`;
  }

  /** Sorted set: the keys by the versions of their newest frames. */
  latestVersions(address: string): string {
    return `${this.prefix}{${address}}:lv`;
  }

  /** Channel on which a room's messages are published. */
  channel(address: string): string {
    return `${this.prefix}{${address}}:c`;
  }

  /** String: what the first publish with this dedupe key came to. */
  dedupe(address: string, dedupeKey: string): string {
    return `${this.prefix}{${address}}:d:${keyPart(dedupeKey)}`;
  }

  /** Sorted set: the ids of the users in a room, all with score 0, so that they are ordered by their bytes. */
  users(address: string): string {
    return `${this.prefix}{${address}}:u`;
  }

  /** Hash: a user's name by the user's id. */
  names(address: string): string {
    return `${this.prefix}{${address}}:n`;
  }

  /** Hash: on how many pods a user is in the room, by the user's id. */
  podCounts(address: string): string {
    return `${this.prefix}{${address}}:k`;
  }

  /** Set: the ids of the users that one pod has in the room. */
  podUsers(address: string, pod: string): string {
    return `${this.prefix}{${address}}:p:${pod}`;
  }

  /** Sorted set: the pods, by the time in milliseconds at which their leases run out. */
  pods(): string {
    return `${this.prefix}pods`;
  }

  /** Set: the addresses of the rooms in which a pod has users. */
  podRooms(pod: string): string {
    return `${this.prefix}pod:${pod}`;
  }

  /** String that lives as long as a ban. */
  ban(scope: string, userId: string): string {
    return `${this.prefix}ban:${keyPart(`${scope.length}:${scope}${userId}`)}`;
  }

  /** Sorted set: the connections of a user by the time at which they took their seats. */
  seats(userId: string): string {
    return `${this.prefix}{seat:${keyPart(userId)}}:o`;
  }

  /** Sorted set: the connections of a user by the time in milliseconds at which their leases run out. */
  seatLeases(userId: string): string {
    return `${this.prefix}{seat:${keyPart(userId)}}:l`;
  }

  /** Sorted set: the connections of a user that newer ones replaced a short while ago. */
  seatsReplaced(userId: string): string {
    return `${this.prefix}{seat:${keyPart(userId)}}:r`;
  }

  /** Channel on which pods tell each other what is no room's message. */
  signal(): string {
    return `${this.prefix}signal`;
  }

  /** Channel on which a process listens to itself. */
  probe(name: string): string {
    return `${this.prefix}probe:${name}`;
  }
}

/**
 * Makes a part of a key out of any text, at most 65 characters long. Two texts never give the same: what is not short
 * and plain ASCII is hashed over its UTF-16 units, because UTF-8 makes every unpaired surrogate the same character.
 */
export function keyPart(text: string): string {
  if (PLAIN.test(text)) return `=${text}`;
  return `#${createHash('sha256').update(text, 'utf16le').digest('base64url')}`;
}
