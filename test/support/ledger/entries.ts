/** What is written down while a ledger runs, in the order in which it happened to each client. */
export type LedgerEntry =
  /** Its application handed a frame to `send`. */
  | (Place & { readonly kind: 'sent'; readonly id: string; readonly text: string })
  /** The frame went over a connection again, with the same id. */
  | (Place & { readonly kind: 'resent'; readonly id: string })
  /** The server answered the frame with an error; where it is a temporary one, the client sends it again by itself. */
  | (Place & { readonly kind: 'refused'; readonly id: string; readonly code: string })
  | (Place & { readonly kind: 'acknowledged'; readonly id: string; readonly offset: number })
  | (Place & { readonly kind: 'rejected'; readonly id: string; readonly code: string })
  /** `recovered`: absent where it came without a cursor. */
  | (Place & { readonly kind: 'joined'; readonly cursor: string; readonly recovered?: boolean })
  /** Its application got a stored frame. */
  | (Place & { readonly kind: 'seen'; readonly id: string; readonly offset: number; readonly text: string })
  /** It was told `recovered: false`. `seen`: its cursor before. */
  | (Place & { readonly kind: 'gap'; readonly seen: string | undefined; readonly cursor: string })
  | (Place & { readonly kind: 'left'; readonly reason: string })
  | { readonly kind: 'connected'; readonly client: string }
  /** `comesBack`: by itself. */
  | {
      readonly kind: 'disconnected';
      readonly client: string;
      readonly code: number;
      readonly reason: string;
      readonly comesBack: boolean;
    }
  /** It asked for another token while it was connected. */
  | { readonly kind: 'refreshed'; readonly client: string }
  /** Redis has begun an epoch of a room. `ancestors`: those before it, newest first, each with the top that survived. */
  | {
      readonly kind: 'numbered';
      readonly room: string;
      readonly epoch: string;
      readonly ancestors: readonly { readonly epoch: string; readonly top: number }[];
    }
  /** Something was thrown that nobody caught. */
  | { readonly kind: 'crashed'; readonly client: string; readonly message: string };

interface Place {
  readonly client: string;
  readonly room: string;
}

/** Takes entries, in order. */
export type Tell = (entry: LedgerEntry) => void;
