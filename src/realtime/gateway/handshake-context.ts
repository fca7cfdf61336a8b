import type { CanActivate, ExecutionContext, Type } from '@nestjs/common';
import { firstValueFrom, isObservable } from 'rxjs';

/** The execution context of a handshake: that of an HTTP request, whatever a guard asks (HS3). */
class HandshakeContext {
  private readonly args: unknown[];

  constructor(
    private readonly metatype: Type,
    request: unknown,
    response: unknown,
  ) {
    this.args = [request, response, () => undefined];
  }

  getClass<T>(): Type<T> {
    return this.metatype as Type<T>;
  }

  /** A handshake has no handler; metadata is looked for on the class all the same. */
  getHandler(): Type {
    return this.metatype;
  }

  getArgs<T extends unknown[]>(): T {
    return this.args as T;
  }

  getArgByIndex<T>(index: number): T {
    return this.args[index] as T;
  }

  getType<T extends string>(): T {
    return 'http' as T;
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
  guards: readonly CanActivate[],
  metatype: Type,
  request: unknown,
  response: unknown,
): Promise<boolean> {
  const context = new HandshakeContext(metatype, request, response) as unknown as ExecutionContext;
  for (const guard of guards) {
    const verdict = await guard.canActivate(context);
    const allowed = isObservable(verdict) ? await firstValueFrom(verdict) : verdict;
    if (!allowed) return false;
  }
  return true;
}
