import { createParamDecorator } from '@nestjs/common';
import type { ExecutionContext } from '@nestjs/common';
import { FrameError } from '../realtime.errors.js';
import type { Connection } from '../connection/connection.js';
import { frameContextOf } from './frame-context.js';

/** The room of the frame that is handled, acting in the sender's name. A frame to no room is answered `not_in_room`. */
export const CurrentRoom: () => ParameterDecorator = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const room = frameContextOf(context.getArgs())?.room;
  if (!room) throw new FrameError('not_in_room', 'expected the frame to name a room in "room"');
  return room;
});

/** Who sent the frame that is handled. */
export const CurrentIdentity: () => ParameterDecorator = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.getArgByIndex<Connection>(0).identity,
);

/** The connection that sent the frame that is handled. */
export const CurrentConnection: () => ParameterDecorator = createParamDecorator(
  (_: unknown, context: ExecutionContext) => context.getArgByIndex<Connection>(0),
);

/** A parameter of the connection's path, decoded; without a name: all of them. */
export const PathParam: (name?: string) => ParameterDecorator = createParamDecorator(
  (name: string | undefined, context: ExecutionContext) => {
    const { params } = context.getArgByIndex<Connection>(0);
    return name === undefined ? params : params[name];
  },
);
