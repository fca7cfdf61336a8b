import { Injectable, Logger } from '@nestjs/common';
import { RealtimeEvents } from '../realtime.events.js';

/**
 * One structured line for each connection that comes, goes or is refused, and for what went wrong. Objects, so that
 * Nest's JSON logger keeps the fields. Never a token: events carry none (HS7).
 */
@Injectable()
export class RealtimeLog {
  private readonly logger = new Logger('Realtime');

  constructor(events: RealtimeEvents) {
    const { logger } = this;
    events.on('connectionOpened', (facts) => logger.log({ event: 'connected', ...facts }));
    events.on('connectionClosed', (facts) => logger.log({ event: 'disconnected', ...facts }));
    events.on('handshakeRefused', (facts) => logger.warn({ event: 'refused', ...facts }));
    events.on('roomJoined', (facts) => logger.debug({ event: 'joined', ...facts }));
    events.on('roomLeft', (facts) => logger.debug({ event: 'left', ...facts }));
    events.on('roomRepaired', (facts) => logger.log({ event: 'room_repaired', ...facts }));
    events.on('availabilityChanged', ({ available }) => {
      if (available) logger.log({ event: 'broker_available' });
      else logger.warn({ event: 'broker_unavailable' });
    });
    events.on('keysFetched', (facts) => logger.debug({ event: 'keys_fetched', ...facts }));
    events.on('keysFetchFailed', (facts) => logger.warn({ event: 'keys_fetch_failed', ...facts }));
    events.on('subscriptionsDied', () => logger.error({ event: 'subscriptions_died' }));
    events.on('drainBegan', (facts) => logger.log({ event: 'draining', ...facts }));
    events.on('drainEnded', (facts) => logger.log({ event: 'drained', ...facts }));
    events.on('hookFailed', ({ error, ...facts }) =>
      logger.error({ event: 'hook_failed', ...facts, error: textOf(error) }),
    );
    events.on('taskFailed', ({ error, ...facts }) =>
      logger.error({ event: 'task_failed', ...facts, error: textOf(error) }),
    );
    events.on('frameFailed', ({ error, ...facts }) => {
      if (error === undefined) logger.debug({ event: 'frame_failed', ...facts });
      else logger.error({ event: 'frame_failed', ...facts, error: textOf(error) });
    });
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error);
}
