import type { Identity } from './identity.js';

/** A room as a policy is asked about it. */
export interface RoomTarget {
  readonly namespace: string;
  readonly name: string;
  /** `namespace/name`. */
  readonly address: string;
}

/**
 * Decides who may join and publish. Provide your own in any module: `{ provide: RoomPolicy, useClass: MyPolicy }`.
 * A policy that throws says no, and the error is logged; one that takes long delays that connection alone.
 */
export abstract class RoomPolicy {
  /** Asked before a connection joins, at the handshake as well as by frame, also when it recovers (RC3). */
  abstract mayJoin(identity: Identity, room: RoomTarget): boolean | Promise<boolean>;

  /** Asked before each publish that a client's frame causes through its handler's `Room`. */
  abstract mayPublish(identity: Identity, room: RoomTarget, type: string): boolean | Promise<boolean>;
}

/** What holds where an application provides no policy: everyone who is authenticated, or was let in anonymously. */
export class AuthenticatedRoomPolicy extends RoomPolicy {
  constructor(private readonly anonymousIn: boolean | readonly string[]) {
    super();
  }

  mayJoin(identity: Identity, room: RoomTarget): boolean {
    return !identity.anonymous || allowsAnonymous(this.anonymousIn, room.namespace);
  }

  mayPublish(identity: Identity, room: RoomTarget): boolean {
    return this.mayJoin(identity, room);
  }
}

/** Only `true` is a yes: an Observable or an object that a policy in JavaScript returns is none. */
export function isYes(answer: unknown): boolean {
  return answer === true;
}

/** Says whether a setting of `auth.allowAnonymous` opens a namespace. */
export function allowsAnonymous(setting: boolean | readonly string[] | undefined, namespace: string): boolean {
  return typeof setting === 'object' ? setting.includes(namespace) : setting === true;
}
