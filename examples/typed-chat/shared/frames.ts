export interface Message {
  text: string;
  /** Offset of the message that this one answers. */
  replyTo?: number;
}

export interface Reaction {
  /** Of the message that it is for. */
  to: number;
  emoji: string;
}

/** What is said in a room of the chat: the payload of each type of frame, for the server and the web alike. */
export interface ChatFrames {
  message: Message;
  reaction: Reaction;
}
