/** Loaded into the standalone server (`NODE_OPTIONS=--import`): its chat gathers for ten milliseconds where much is sent. */
import { RealtimeGateway } from '../dist/index.js';
import { ChatGateway } from '../dist/server/chat/chat.gateway.js';

RealtimeGateway('/ws/chat{/:room}', { userRoom: true, coalesceMs: 10 })(ChatGateway);
