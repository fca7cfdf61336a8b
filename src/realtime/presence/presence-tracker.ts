import type { Clock, Timer } from '../clock.js';
import type { RealtimeEvents } from '../realtime.events.js';
import type { Presence, PresentUser } from './presence.js';

export interface PresenceTrackerParts {
  readonly presence: Presence;
  readonly clock: Clock;
  readonly events: RealtimeEvents;
  readonly leaveGraceMs: number;
  /** Tells the room that a user came or went. */
  readonly announce: (event: 'joined' | 'left', address: string, user: PresentUser, members: number) => void;
}

/** What an entry came to. */
export interface Entered {
  /** Users in the room over all pods. */
  readonly members: number;
  /** The user was in the room on no pod before: to be announced once the member is in. */
  readonly first: boolean;
}

interface Stay extends PresentUser {
  /** As the user is called by now. */
  name: string;
  /** Connections of the user in the room on this pod. */
  connections: number;
  /** Whether the port has the user, as far as its last answer says. */
  isKnown: boolean;
  /** Whether one of them came in: else nobody ever heard of the user, and hears of no leave. */
  arrived: boolean;
  /** Whether the user was on no pod when the first of them entered: the first to arrive announces. */
  isFirst: boolean;
  grace: Timer | undefined;
  /** The last of the port's calls for this user and room, which go one after the other, until it is over. */
  last: Promise<void> | undefined;
}

const RETRY_MS = 1_000;
const DONE = Promise.resolve();

/** Turns connections that come and go on this pod into users that enter and exit (CN3). */
export class PresenceTracker {
  private readonly stays = new Map<string, Stay>();
  private closed = false;
  private longestGraceMs: number;

  constructor(private readonly parts: PresenceTrackerParts) {
    this.longestGraceMs = parts.leaveGraceMs;
    parts.presence.onReaped(({ address, user, members }) => {
      parts.events.emit('presenceReaped', { address, userId: user.id, members });
      parts.announce('left', address, user, members);
    });
  }

  /**
   * One more connection of a user is in a room.
   *
   * @throws BrokerUnavailableError unavailable — it is not counted.
   */
  async enter(address: string, user: PresentUser): Promise<Entered> {
    const stay = this.stayOf(address, user);
    stay.connections += 1;
    stay.grace?.cancel();
    stay.grace = undefined;
    try {
      return await this.inTurn(stay, async () => {
        const entered = await this.parts.presence.enter(address, user);
        stay.isKnown = true;
        if (entered.first) stay.isFirst = true;
        return entered;
      });
    } catch (error) {
      stay.connections -= 1;
      // Who came back within the grace ended it: it begins once more, else nobody would tell the port that the user left.
      if (stay.connections === 0 && stay.isKnown) this.leaveAfter(this.parts.leaveGraceMs, address, stay);
      this.forget(address, stay);
      throw error;
    }
  }

  /**
   * One connection of a user is no longer in a room.
   *
   * @param lost The connection was lost, and may come back within the grace; else the user has left at once.
   * @param awayMs How long it was told to stay away: the grace begins after that.
   */
  exit(address: string, userId: string, lost: boolean, awayMs = 0): void {
    const stay = this.stays.get(keyOf(address, userId));
    if (!stay) return;
    stay.connections -= 1;
    if (stay.connections > 0 || this.closed) return;
    if (lost && stay.arrived && this.parts.leaveGraceMs > 0) {
      const graceMs = awayMs + this.parts.leaveGraceMs;
      this.longestGraceMs = Math.max(this.longestGraceMs, graceMs);
      this.leaveAfter(graceMs, address, stay);
    } else {
      this.leave(address, stay);
    }
  }

  /** A connection that entered was let in: the user is announced, where it was there on no pod before. */
  arrived(address: string, user: PresentUser, { members }: Entered): void {
    const stay = this.stays.get(keyOf(address, user.id));
    const announced = stay?.arrived === true;
    if (stay) stay.arrived = true;
    if (stay?.isFirst === true && !announced) this.parts.announce('joined', address, user, members);
  }

  /** A user who is in a room is called otherwise from now on. */
  rename(address: string, user: PresentUser): void {
    const stay = this.stays.get(keyOf(address, user.id));
    if (!stay || stay.connections === 0) return;
    stay.name = user.name;
    const renamed = this.inTurn(stay, async () => {
      if (stay.connections > 0 && !this.closed) await this.parts.presence.enter(address, user);
    });
    this.parts.events.watch(`name in ${address}`, renamed);
  }

  /**
   * From here on exits are left to the pod's lease.
   *
   * @returns for how many milliseconds it must still be held, so that nobody's grace is cut short.
   */
  close(): number {
    this.closed = true;
    for (const stay of this.stays.values()) stay.grace?.cancel();
    return this.longestGraceMs;
  }

  private leaveAfter(ms: number, address: string, stay: Stay): void {
    if (!this.closed) stay.grace = this.parts.clock.after(ms, () => this.leave(address, stay));
  }

  private leave(address: string, stay: Stay): void {
    stay.grace = undefined;
    const exit = this.inTurn(stay, async () => {
      if (stay.connections > 0 || this.closed) return;
      const { last, members } = await this.parts.presence.exit(address, stay.id);
      if (last && stay.arrived) this.parts.announce('left', address, stay, members);
      // Whoever enters meanwhile waits for this, and is one who comes anew.
      stay.isKnown = stay.arrived = stay.isFirst = false;
      this.forget(address, stay);
    });
    exit.catch((error: unknown) => {
      this.parts.events.emit('taskFailed', { task: `presence of ${address}`, error });
      if (stay.connections === 0) this.leaveAfter(RETRY_MS, address, stay);
    });
  }

  private stayOf(address: string, user: PresentUser): Stay {
    const key = keyOf(address, user.id);
    const found = this.stays.get(key);
    if (found) {
      found.name = user.name;
      return found;
    }
    const stay: Stay = {
      id: user.id,
      name: user.name,
      connections: 0,
      isKnown: false,
      arrived: false,
      isFirst: false,
      grace: undefined,
      last: undefined,
    };
    this.stays.set(key, stay);
    return stay;
  }

  private forget(address: string, stay: Stay): void {
    const key = keyOf(address, stay.id);
    if (stay.connections === 0 && !stay.grace && this.stays.get(key) === stay) this.stays.delete(key);
  }

  private inTurn<Result>(stay: Stay, step: () => Promise<Result>): Promise<Result> {
    const result = (stay.last ?? DONE).then(step);
    const over = (): void => {
      if (stay.last === last) stay.last = undefined;
    };
    const last = result.then(over, over); // The caller of this step hears of a mistake; the next one goes on.
    stay.last = last;
    return result;
  }
}

function keyOf(address: string, userId: string): string {
  return `${address}\n${userId}`;
}
