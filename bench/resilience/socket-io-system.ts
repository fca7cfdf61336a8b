import { io } from 'socket.io-client';
import type { ManagerOptions, SocketOptions } from 'socket.io-client';
import type { System } from './swarm.js';
import type { Uplink } from './uplink.js';

/** Where `bench/peers/socket-io.mjs` is. */
export interface SocketIoTarget {
  readonly port: number;
}

/** socket.io's own client, its defaults but for the transport: WebSocket at once, no long-polling before it. */
export function socketIoSystem({ port }: SocketIoTarget): System {
  const connect = (uplink?: Uplink) => {
    const options: Partial<ManagerOptions & SocketOptions> = { transports: ['websocket'], forceNew: true };
    // It hands an agent on to `ws`; its types know only those of a browser's build.
    return io(`http://127.0.0.1:${port}`, { ...options, ...(uplink && { agent: uplink as never }) });
  };
  return {
    subscribe(_name, uplink, listener) {
      const socket = connect(uplink);
      socket.on('connect', () => listener.joined(socket.recovered));
      socket.on('message', (text: string) => listener.received(text));
      return socket;
    },
    publisher() {
      const socket = connect();
      return { publish: (text) => socket.emitWithAck('publish', text), close: () => void socket.close() };
    },
  };
}
