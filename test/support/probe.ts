import { until } from './within.js';

/** What a fixture's handlers and hooks tell a test, and where a test holds them up. */
export class Probe {
  /** `<what>:<about>` in the order in which it happened. */
  readonly calls: string[] = [];
  /** What handlers got as their body. */
  readonly bodies: unknown[] = [];
  /** What the fixture's guards and handlers shall answer. */
  readonly answers = new Map<string, unknown>();
  private readonly gates = new Map<string, { opened: Promise<void>; open: () => void }>();
  private readonly failures = new Map<string, Error>();

  /** Called by the fixture: notes it, waits while the test holds it, fails where the test says so. */
  async pass(what: string, about: string): Promise<void> {
    const call = `${what}:${about}`;
    this.calls.push(call);
    await this.gates.get(call)?.opened;
    const failure = this.failures.get(call);
    if (failure) throw failure;
  }

  /** Holds up a call from now on. */
  hold(call: string): void {
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    this.gates.set(call, { opened, open });
  }

  release(call: string): void {
    this.gates.get(call)?.open();
    this.gates.delete(call);
  }

  fail(call: string, error: Error = new Error('the probe was told to fail')): void {
    this.failures.set(call, error);
  }

  mend(call: string): void {
    this.failures.delete(call);
  }

  count(call: string): number {
    return this.calls.filter((made) => made === call).length;
  }

  /** Resolves when a call was made so often. */
  made(call: string, times = 1): Promise<void> {
    return until(`${call} was called ${times} times; calls: ${this.calls.join(', ')}`, () => this.count(call) >= times);
  }
}
