import { Catch } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { frameContextOf } from './frame-context.js';

/**
 * Hands what a handler, guard, pipe or interceptor threw to the frame that caused it, which answers it (FR5). It is on
 * every `@RealtimeGateway`, behind the application's own filters.
 */
@Catch()
export class RealtimeExceptionFilter implements ExceptionFilter {
  catch(exception: unknown, host: ArgumentsHost): void {
    const frame = frameContextOf(host.getArgs());
    if (!frame) throw exception;
    frame.fail(exception);
  }
}
