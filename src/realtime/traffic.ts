/** What passes through this pod, counted where it passes: plain numbers, because an event for each frame would cost too much. */
export class Traffic {
  /** Frames and texts of clients. */
  received = 0;
  /** Messages of rooms that came from the broker. */
  messages = 0;
  /** Those messages, times the members of this pod that they went to. */
  delivered = 0;
}
