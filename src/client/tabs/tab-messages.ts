/** From a tab to the hub. `at`: when it was posted, in milliseconds since 1970; a hub that reads it late was asleep. */
export type ToHub = { readonly at: number; readonly socket: string } & (
  | { readonly kind: 'attach'; readonly me: string | undefined }
  | { readonly kind: 'send'; readonly text: string }
  | { readonly kind: 'close'; readonly code: number | undefined }
);

/** From the tab that has the hub to the others. `to`: the sockets that it concerns. */
export type FromHub = { readonly hub: string } &
  /** It was elected, or its connection is there. */
  (
    | { readonly kind: 'lead' }
    | { readonly kind: 'attached'; readonly to: readonly string[] }
    | { readonly kind: 'frame'; readonly to: readonly string[]; readonly text: string }
    | { readonly kind: 'end'; readonly to: readonly string[]; readonly code: number; readonly reason: string }
  );

/** What goes over the channel of the tabs. Never a token. */
export type TabMessage = ToHub | FromHub;

/** A `Omit` that keeps the parts of a union apart. */
type Without<Message, Key extends string> = Message extends unknown ? Omit<Message, Key> : never;

/** {@link ToHub}, before it is posted. */
export type ToHubBody = Without<ToHub, 'at'>;

/** {@link FromHub}, before its hub has signed it. */
export type FromHubBody = Without<FromHub, 'hub'>;
