import type { ErrorCode } from '../protocol/index.js';
import type { RealtimeClientError } from './client-error.js';
import { ManualClock } from './client.double.js';
import { Outbox } from './outbox.js';
import type { AnswerFrame, OutboxLink, OutboxOptions } from './outbox.js';
import type { OutboxStorage, StoredSend } from './outbox-storage.js';

type Answer = AnswerFrame | undefined;

/** Storage that a test can look into, and hand to the next outbox. */
export class MapStorage implements OutboxStorage {
  readonly sends = new Map<string, StoredSend>();
  load = () => [...this.sends.values()];
  put = (send: StoredSend) => void this.sends.set(send.id, send);
  remove = ({ id }: { id: string }) => void this.sends.delete(id);
}

/** What a test sets, and changes while the outbox is there. */
export interface OutboxSettings extends OutboxOptions {
  maxFrameBytes?: number;
  user?: string | undefined;
  dedupeTtlMs?: number;
  /** An id that another room waits for. */
  expected?: string | undefined;
}

/** An outbox, and a connection that a test answers for. */
export function setUpOutbox(settings: OutboxSettings = {}) {
  const clock = new ManualClock();
  const answers = new Map<string, (frame: Answer) => void>();
  const lost: number[] = [];
  const link: OutboxLink = {
    clock,
    outbox: settings,
    maxFrameBytes: () => settings.maxFrameBytes ?? 100,
    dedupeTtlMs: () => settings.dedupeTtlMs ?? 300_000,
    user: () => settings.user,
    isExpected: (id) => settings.expected === id,
    expect: (id, answer) => void answers.set(id, answer),
    ready: () => undefined,
  };
  const delivered = { upTo: 0 };
  const outbox = new Outbox(
    link,
    () => delivered.upTo,
    () => lost.push(clock.now()),
  );
  const answer = (id: string, frame: Answer) => answers.get(id)?.(frame);
  return {
    clock,
    outbox,
    /** What was given to the application. */
    delivered,
    /** When it was said that an acknowledged send is gone. */
    lost,
    /** Adds frames whose text is their id, and tells how each ends: `ok 1`, or the error's code. */
    add: (id: string, more: Partial<StoredSend> = {}) =>
      outbox.add({ id, room: 'general', text: id, ...more }).then(
        ({ offset }) => `ok ${offset}`,
        (error: RealtimeClientError) => error.code,
      ),
    ack: (id: string, offset = 1) => answer(id, { type: 'ack', id, offset }),
    error: (id: string, code: ErrorCode, retryMs?: number) =>
      answer(id, { type: 'error', code, message: code, id, ...(retryMs === undefined ? {} : { retryMs }) }),
    answer,
    /** Time passes while no timer runs. */
    sleep: (ms: number) => clock.sleep(ms),
    lose: (...ids: string[]) => ids.forEach((id) => answer(id, undefined)),
    /** Everything that may leave now. */
    drain: () => {
      const taken: string[] = [];
      for (let frame = outbox.take(); frame; frame = outbox.take()) taken.push(frame.text);
      return taken;
    },
  };
}
