import { WebSocket } from 'ws';
import type { WebSocketConstructor } from '../../src/client/index.js';

/** What stands in front of several servers: each new connection goes to the next one that is listed. */
export class Balancer {
  private turn = 0;
  private ports: number[] = [];

  add(...ports: number[]): void {
    this.ports.push(...ports);
  }

  remove(port: number): void {
    this.ports = this.ports.filter((one) => one !== port);
  }

  /** A WebSocket class whose URLs lead to the next server, whatever port they name. */
  webSocket(): WebSocketConstructor {
    const next = (): string => String(this.ports[this.turn++ % this.ports.length]);
    return class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        const target = new URL(url);
        target.port = next();
        super(target, protocols);
      }
    };
  }
}
