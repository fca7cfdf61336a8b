/**
 * None, one or more of a thing, each once, in the order in which they came. Most users have one connection, and most rooms
 * are the one room of a user: a Set for each of them would cost 150 bytes more. What is changed is what {@link plus} and
 * {@link minus} return.
 */
export type Few<Thing extends object> = Thing | Set<Thing> | undefined;

/** @returns with the thing. */
export function plus<Thing extends object>(few: Few<Thing>, thing: Thing): Few<Thing> {
  if (few === undefined || few === thing) return thing;
  return few instanceof Set ? few.add(thing) : new Set([few, thing]);
}

/** @returns without the thing, which need not be among them. */
export function minus<Thing extends object>(few: Few<Thing>, thing: Thing): Few<Thing> {
  if (few === thing) return undefined;
  if (few instanceof Set && few.delete(thing) && few.size === 0) return undefined;
  return few;
}

/** Whether the thing is among them. */
export function has<Thing extends object>(few: Few<Thing>, thing: Thing): boolean {
  return few instanceof Set ? few.has(thing) : few === thing;
}

/** How many there are. */
export function sizeOf(few: Few<object>): number {
  if (few === undefined) return 0;
  return few instanceof Set ? few.size : 1;
}

/** All of them. The list is the caller's own. */
export function listOf<Thing extends object>(few: Few<Thing>): Thing[] {
  if (few === undefined) return [];
  return few instanceof Set ? [...few] : [few];
}
