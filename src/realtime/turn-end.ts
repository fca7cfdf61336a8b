import { TurnList } from './turn-list.js';

/** What ends with a turn of the event loop. */
export interface Ending {
  end(): void;
}

const end = (ending: Ending): void => ending.end();

/**
 * The end of the present turn of the event loop, when the sockets that had something to read are read: what is gathered
 * until then can leave together. `setImmediate`; `process.nextTick` and microtasks come between two sockets.
 */
class TurnEnd {
  private readonly first = new TurnList<Ending>();
  private readonly last = new TurnList<Ending>();
  private due = false;

  /** Calls its end with that of the turn, in the order of the calls. */
  ends(ending: Ending): void {
    this.first.add(ending);
    this.expect();
  }

  /** Calls its end after all of those that {@link ends} was called for. */
  endsLast(ending: Ending): void {
    this.last.add(ending);
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
    this.first.visit(end);
    this.last.visit(end);
  };
}

/** One for the process. */
export const turnEnd = new TurnEnd();
