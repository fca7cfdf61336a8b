import { throwUncaught } from './throw-uncaught.js';

/** What ends with a turn of the event loop. */
export interface Ending {
  end(): void;
}

/**
 * The end of the present turn of the event loop, when the sockets that had something to read are read: what is gathered
 * until then can leave together. `setImmediate`; `process.nextTick` and microtasks come between two sockets.
 */
class TurnEnd {
  private first: Ending[] = [];
  private last: Ending[] = [];
  private due = false;

  /** Calls its end with that of the turn, in the order of the calls. */
  ends(ending: Ending): void {
    this.first.push(ending);
    this.expect();
  }

  /** Calls its end after all of those that {@link ends} was called for. */
  endsLast(ending: Ending): void {
    this.last.push(ending);
    this.expect();
  }

  private expect(): void {
    if (this.due) return;
    this.due = true;
    setImmediate(this.end);
  }

  /** Bound: it is handed to `setImmediate`. */
  private readonly end = (): void => {
    this.due = false;
    const { first } = this;
    this.first = [];
    endAll(first);
    const { last } = this;
    this.last = [];
    endAll(last);
  };
}

/** One that throws costs the others nothing, and is not swallowed. */
function endAll(endings: readonly Ending[]): void {
  for (const ending of endings) {
    try {
      ending.end();
    } catch (error) {
      throwUncaught(error);
    }
  }
}

/** One for the process. */
export const turnEnd = new TurnEnd();
