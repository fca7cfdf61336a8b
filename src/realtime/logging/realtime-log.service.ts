import { Inject, Injectable, Logger } from '@nestjs/common';
import { SystemClock } from '../clock.js';
import type { Clock } from '../clock.js';
import { RealtimeEvents } from '../realtime.events.js';
import type { RealtimeEventMap } from '../realtime.events.js';
import type { ResolvedOptions } from '../realtime.options.js';
import { REALTIME_OPTIONS } from '../realtime.tokens.js';
import { LineBudget } from './line-budget.js';

type Level = 'log' | 'warn' | 'error' | 'debug';

/** The plain ones: what happened, at which level, what the line calls it. docs/metrics.md has the table of all. */
const plainLines: readonly (readonly [name: keyof RealtimeEventMap, level: Level, event: string])[] = [
  ['writesChosen', 'log', 'writes_chosen'],
  ['connectionOpened', 'log', 'connected'],
  ['connectionClosed', 'log', 'disconnected'],
  ['handshakeRefused', 'warn', 'refused'],
  ['roomJoined', 'debug', 'joined'],
  ['roomLeft', 'debug', 'left'],
  ['roomRepaired', 'log', 'room_repaired'],
  ['epochBegan', 'warn', 'epoch_began'],
  ['gapTold', 'log', 'gap_told'],
  ['presenceReaped', 'log', 'presence_reaped'],
  ['buffersCut', 'warn', 'buffers_cut'],
  ['userKicked', 'log', 'user_kicked'],
  ['userDisconnected', 'log', 'user_disconnected'],
  ['userUnbanned', 'log', 'user_unbanned'],
  ['adminRefused', 'warn', 'admin_refused'],
  ['keysFetched', 'debug', 'keys_fetched'],
  ['keysFetchFailed', 'warn', 'keys_fetch_failed'],
  ['subscriptionsDied', 'error', 'subscriptions_died'],
  ['drainBegan', 'log', 'draining'],
  ['drainClosing', 'log', 'drain_closing'],
  ['drainEnded', 'log', 'drained'],
];

/**
 * One structured line for each connection that comes, goes or is refused, and for what went wrong. Objects, so that
 * Nest's JSON logger keeps the fields. Never a token: events carry none (HS7). Of each kind a bounded number per second:
 * a flood that a client makes is no flood of lines; `suppressed` in the next one says how many were left out.
 */
@Injectable()
export class RealtimeLog {
  private readonly logger = new Logger('Realtime');
  private readonly budget = new LineBudget();
  private readonly clock: Clock;

  constructor(events: RealtimeEvents, @Inject(REALTIME_OPTIONS) options: ResolvedOptions) {
    this.clock = options.clock ?? new SystemClock();
    for (const [name, level, event] of plainLines) events.on(name, (facts) => this.write(level, event, facts));
    events.on('availabilityChanged', ({ available }) => {
      if (available) this.write('log', 'broker_available');
      else this.write('warn', 'broker_unavailable');
    });
    // Who looks changes nothing; who acts is written down.
    events.on('adminCalled', (facts) => this.write(facts.method === 'GET' ? 'debug' : 'log', 'admin_called', facts));
    events.on('hookFailed', ({ error, ...facts }) =>
      this.write('error', 'hook_failed', { ...facts, error: textOf(error) }),
    );
    events.on('taskFailed', ({ error, ...facts }) =>
      this.write('error', 'task_failed', { ...facts, error: textOf(error) }),
    );
    events.on('frameFailed', ({ error, ...facts }) => {
      if (error === undefined) this.write('debug', 'frame_failed', facts);
      else this.write('error', 'frame_failed', { ...facts, error: textOf(error) });
    });
  }

  private write(level: Level, event: string, facts: object = {}): void {
    const suppressed = this.budget.take(`${level} ${event}`, this.clock.now());
    if (suppressed === undefined) return;
    this.logger[level]({ event, ...facts, ...(suppressed > 0 ? { suppressed } : {}) });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error);
}
