import type { Locks } from './tabs-platform.js';

/** What {@link Candidacy} tells. */
export interface CandidacyEvents {
  /** This tab has the lock. */
  elected(): void;
  /** Another tab took the lock away. */
  deposed(): void;
  /** There are no locks for this page (a sandboxed frame, say). */
  failed(): void;
}

interface Request {
  readonly abort: AbortController;
  /** There once the lock is held: gives it back. */
  release?: () => void;
}

/** One tab's part in choosing the tab that makes the connection: whoever holds the lock does. */
export class Candidacy {
  /** The request that counts; what comes of an earlier one is ignored. */
  #request: Request | undefined;

  constructor(
    private readonly locks: Locks,
    private readonly name: string,
    private readonly events: CandidacyEvents,
  ) {}

  /** Stands in line for the lock, and is elected at once where it is free. Nothing happens to whoever stands there. */
  begin(): void {
    if (!this.#request) this.#ask(false);
  }

  /** Takes the lock from a tab that does not answer. */
  steal(): void {
    this.end();
    this.#ask(true);
  }

  /** Gives the lock back, or leaves the line. */
  end(): void {
    const request = this.#request;
    this.#request = undefined;
    request?.release?.();
    request?.abort.abort();
  }

  #ask(steal: boolean): void {
    const request: Request = { abort: new AbortController() };
    this.#request = request;
    const held = (): Promise<void> | void => {
      if (this.#request !== request) return;
      return new Promise((resolve) => {
        request.release = resolve;
        this.events.elected();
      });
    };
    const options = steal ? { steal } : { signal: request.abort.signal }; // The two don't go together.
    this.locks.request(this.name, options, held).catch(() => {
      if (this.#request !== request) return; // It was withdrawn, or is over: nobody waits for it.
      this.#request = undefined;
      if (request.release) this.events.deposed();
      else this.events.failed();
    });
  }
}
