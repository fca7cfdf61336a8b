import type { WelcomeFrame } from '../../protocol/frames.js';
import type { Connection } from '../connection/connection.js';
import type { ResolvedOptions } from '../realtime.options.js';

/** FR1: what a connection of a JSON gateway is told first. */
export function welcomeFrame(connection: Connection, options: ResolvedOptions): WelcomeFrame {
  const { id, name, expiresAt } = connection.identity;
  const unlimited = options.messagesPerSecond === 0;
  return {
    type: 'welcome',
    connection: connection.id,
    user: { id, name: name || 'anonymous' },
    heartbeatMs: options.heartbeatMs,
    maxFrameBytes: options.maxFrameBytes,
    dedupeTtlMs: options.dedupeTtlMs,
    limits: {
      framesPerSecond: options.messagesPerSecond,
      burst: unlimited ? 0 : options.messagesBurst,
      rooms: options.maxRoomsPerConnection,
    },
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}
