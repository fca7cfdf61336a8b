import { WebSocket } from 'ws';
import { RealtimeClient } from '../../src/client/index.js';
import type { ClientRoom, WebSocketConstructor } from '../../src/client/index.js';
import { mint } from '../../test/support/tokens.js';
import type { System } from './swarm.js';
import type { Uplink } from './uplink.js';

/** Where Rookery is, and what signs its tokens. */
export interface RookeryTarget {
  /** Ports of 127.0.0.1; with several, a client's attempts go to one after the other. */
  readonly ports: readonly [number, ...number[]];
  readonly secret: string;
}

const ROOM = 'resilience';

/** The standalone server's chat and our own client with its defaults; each client is a user with a token. */
export function rookerySystem({ ports, secret }: RookeryTarget): System {
  const enter = (name: string, constructor: WebSocketConstructor): { client: RealtimeClient; room: ClientRoom } => {
    const client = new RealtimeClient(`ws://127.0.0.1:${ports[0]}/ws/chat`, {
      token: mint(secret, { sub: name, name }),
      WebSocket: constructor,
    });
    return { client, room: client.room(ROOM) };
  };
  return {
    ports,
    subscribe(name, uplink, listener) {
      const { client, room } = enter(name, webSocketOver(uplink));
      room.on('joined', ({ recovered }) => listener.joined(recovered));
      room.on('message', ({ text }) => listener.received(String(text)));
      return client;
    },
    publisher() {
      const { client, room } = enter('publisher', WebSocket);
      return { publish: (text) => room.send('message', { text }), close: () => client.close() };
    },
  };
}

/** The WebSocket class of a client whose network this is. */
export function webSocketOver(agent: Uplink): WebSocketConstructor {
  return class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { agent });
    }
  };
}
