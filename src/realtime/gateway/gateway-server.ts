import type { Connection } from '../connection/connection.js';
import type { GatewayBinding } from './gateway-binding.js';

/** What Nest holds as the server of a gateway; `@WebSocketServer()` gets it. */
export class GatewayServer {
  constructor(
    /** @internal */
    readonly binding: GatewayBinding,
    private readonly list: () => Connection[],
  ) {}

  /** The connections of this gateway's namespace on this pod. */
  connections(): Connection[] {
    return this.list();
  }
}
