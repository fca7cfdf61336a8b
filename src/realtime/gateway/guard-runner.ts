import { BrokerUnavailableError, FrameError } from '../realtime.errors.js';
import type { Clock } from '../clock.js';
import { within } from '../within.js';
import { httpMessageOf, httpStatusOf, statusOf } from './frame-failure.js';
import type { GatewayBinding } from './gateway-binding.js';
import type { GuardedRequest } from './guarded-request.js';
import type { HandshakeResponse } from './handshake-response.js';
import { forbidden, limited, RefusedError, unauthenticated, unavailable } from './refusal.js';

/** Asks the guards of a gateway about a request, in bounded time, and makes a refusal of whatever they say but yes. */
export class GuardRunner {
  /** @param timeoutMs 0: they may take for ever. */
  constructor(
    private readonly clock: Clock,
    private readonly timeoutMs: number,
  ) {}

  /** @throws RefusedError one of them said no, or took too long. Whatever else they throw is thrown on. */
  async run(gateway: GatewayBinding, request: GuardedRequest, response: HandshakeResponse): Promise<void> {
    const checked = gateway.check(request, response);
    let allowed: boolean;
    try {
      allowed = this.timeoutMs > 0 ? await this.inTime(checked, response) : await checked;
    } catch (error) {
      if (error instanceof RefusedError || error instanceof BrokerUnavailableError) throw error;
      throw this.refusalOf(error, gateway, response);
    }
    if (!allowed) throw forbidden(response, 'a guard said no', response.statusCode);
  }

  private inTime(checked: Promise<boolean>, response: HandshakeResponse): Promise<boolean> {
    const { clock, timeoutMs } = this;
    return within(clock, timeoutMs, checked, () => {
      const why = `the guards took longer than handshake.guardTimeoutMs (${timeoutMs})`;
      return new RefusedError(unavailable(response, why));
    });
  }

  private refusalOf(error: unknown, gateway: GatewayBinding, response: HandshakeResponse): unknown {
    const status = error instanceof FrameError ? statusOf(error.code) : httpStatusOf(error);
    if (status === undefined || (status >= 500 && status !== 503)) return error;
    const message = error instanceof FrameError ? error.message : httpMessageOf(error);
    if (status === 503) {
      return new RefusedError(unavailable(response, `a guard of ${gateway.name} said 503: ${message}`));
    }
    if (status === 401) return unauthenticated(response, message);
    if (status === 429) {
      return limited(response, message);
    }
    return forbidden(response, message, status);
  }
}
