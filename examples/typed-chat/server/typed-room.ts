import type { PublishOptions, PublishResult, Room } from 'rookery';
import type { ChatFrames } from '../shared/frames.js';

/** Publishes a frame of the chat: another type, or another payload, does not compile. */
export function publish<Type extends keyof ChatFrames & string>(
  room: Room,
  type: Type,
  payload: ChatFrames[Type],
  options?: PublishOptions,
): Promise<PublishResult> {
  return room.publish(type, payload, options);
}
