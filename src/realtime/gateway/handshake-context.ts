import type { IncomingMessage } from 'node:http';
import { fromEvent, isObservable, lastValueFrom, takeUntil } from 'rxjs';
import type { Observable } from 'rxjs';

type Metatype = abstract new (...args: never[]) => unknown;

/** Nest's `CanActivate`, by its shape. */
export interface Guard {
  canActivate(context: never): boolean | Promise<boolean> | Observable<boolean>;
}

/** The execution context of a handshake: that of an HTTP request, whatever a guard asks (HS3). */
class HandshakeContext {
  private readonly args: unknown[];

  constructor(
    private readonly metatype: Metatype,
    request: unknown,
    response: unknown,
  ) {
    this.args = [request, response, () => undefined];
  }

  getClass(): Metatype {
    return this.metatype;
  }

  /** A handshake has no handler; metadata is looked for on the class all the same. */
  getHandler(): Metatype {
    return this.metatype;
  }

  getArgs(): unknown[] {
    return this.args;
  }

  getArgByIndex(index: number): unknown {
    return this.args[index];
  }

  getType(): string {
    return 'http';
  }

  switchToHttp(): unknown {
    return {
      getRequest: () => this.args[0],
      getResponse: () => this.args[1],
      getNext: () => this.args[2],
    };
  }

  switchToRpc(): unknown {
    return { getContext: () => this.args[0], getData: () => this.args[1] };
  }

  switchToWs(): unknown {
    return { getClient: () => this.args[0], getData: () => this.args[1], getPattern: () => 'handshake' };
  }
}

/** Runs guards one after the other, as Nest does for a route. @returns whether all said yes. */
export async function runGuards(
  guards: readonly Guard[],
  metatype: Metatype,
  request: IncomingMessage,
  response: unknown,
): Promise<boolean> {
  const context = new HandshakeContext(metatype, request, response) as never;
  for (const guard of guards) {
    const verdict = await guard.canActivate(context);
    // One that never ends was waited for long enough when the request was answered without it, or its sender has gone.
    const allowed = isObservable(verdict)
      ? await lastValueFrom(verdict.pipe(takeUntil(fromEvent(request.socket, 'close'))))
      : verdict;
    if (!allowed) return false;
  }
  return true;
}
